/** What a demonstration's replica can be told to do, and what one will see then. */

export const BEHAVIOURS = [
  { name: 'honest', about: 'It keeps to the protocol again. Evidence against it stays on file.' },
  { name: 'mute', about: 'It says nothing more. The others go on without it; if it led, they depose it within a second.' },
  { name: 'equivocate', about: 'It proposes different blocks to different replicas and votes twice. The others notice, depose it, and its two signatures stand below as evidence.' },
  { name: 'forge', about: 'It sends forged signatures, speaks in others’ names and invents times. Nothing of it counts; nobody is fooled.' },
  { name: 'half-batch', about: 'As leader it sends half of the data and goes silent. What can be fetched is agreed, the rest is proposed anew by the next leader.' },
  { name: 'slow', about: 'As leader it delays everything, just below what would count as silence. The others measure it and depose it.' },
  { name: 'censor', about: 'As leader it leaves one client’s messages out. That client’s clock runs out at the others, and they depose it.' },
  { name: 'corrupt-answers', about: 'It answers clients with lies. This page checks every proof and asks the others.' },
  { name: 'replay', about: 'It sends old messages again and again. They are recognised and dropped.' },
] as const;
