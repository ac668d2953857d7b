import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The built page lies inside the crate that embeds it. Nothing may be inlined: the page's content security policy allows
// scripts and styles from its own origin alone.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: '../apps/chat/dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
  },
});
