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
  { name: 'slow-1ms', about: 'As leader it adds a millisecond to each proposal. Everything is a little later; nobody minds.' },
  { name: 'slow-10ms', about: 'As leader it adds ten milliseconds to each proposal. The others measure what a leader owes them.' },
  { name: 'slow-100ms', about: 'As leader it adds a hundred milliseconds to each proposal. The others measure it, and under load they depose it.' },
  { name: 'smart', about: 'As leader it is late with every second proposal, just less often than would cost it its place.' },
  { name: 'tiny-batches', about: 'As leader it proposes one message at a time. Under load it owes more than that, and is deposed.' },
  { name: 'late-votes', about: 'It always votes last. The others agree without it, so nobody waits.' },
  { name: 'flood', about: 'It floods the others with useless messages. Each has a share of their time, and no more.' },
  { name: 'storm', about: 'It calls for another leader again and again. Alone it can depose nobody.' },
  { name: 'jump', about: 'It talks of views that nobody will ever reach. Nobody follows it there.' },
  { name: 'ask-for-state', about: 'It asks the others for their whole state again and again. They answer so many questions a second, and no more.' },
] as const;
