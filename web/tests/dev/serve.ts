/** Serves the built page from made-up honest gateways, for working on its looks: `npm run dev:made-up`. */

import { makeCluster } from '../support/cluster.ts';
import { Gateways } from '../support/gateway.ts';

const PORT = 24_400;
const gateways = new Gateways(makeCluster('made-up', 4, true), PORT);
await gateways.start();
console.log(gateways.url(0));
