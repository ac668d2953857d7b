// A type check that finds nothing may be one that looks at nothing: the two deliberate errors must both be found.
import { spawnSync } from 'node:child_process';

const arguments_ = ['--tsconfig', './tests/canary/tsconfig.json', '--output', 'machine'];
const { status, stdout, error } = spawnSync('node_modules/.bin/svelte-check', arguments_, { encoding: 'utf8' });
const found = ['canary.ts', 'Canary.svelte'].filter((name) => new RegExp(`ERROR .*${name}`).test(stdout ?? ''));
if (status !== 1 || found.length !== 2) {
  console.error(`the canary sings: the type check found ${found.join(' and ') || 'nothing'}`, error ?? '', stdout);
  process.exit(1);
}
