/** What exactly is signed: `domain || kind || SHA-256(body)`; the mirror of `crates/types/src/signing.rs`. */

import { Writer } from '../borsh.ts';
import { concat, utf8 } from '../bytes.ts';
import { digest } from './digest.ts';

/** The kinds of signed bodies that the page signs or checks. */
export const Kind = { Request: 1, Header: 3, Prepare: 4, Commit: 5, Reply: 12 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

const TAG = utf8('outvote/v1');

/** The domain of what replicas sign. */
export function replicaDomain(cluster: Uint8Array, epoch: bigint, config: Uint8Array): Uint8Array {
  return digest(TAG, cluster, new Writer().u64(epoch).bytes(), config);
}

/** The domain of what clients sign: epoch 0 and no configuration. */
export function clientDomain(cluster: Uint8Array): Uint8Array {
  return replicaDomain(cluster, 0n, new Uint8Array(32));
}

/** The 65 bytes that are signed for a body with this digest. */
export function signingBytes(domain: Uint8Array, kind: Kind, body: Uint8Array): Uint8Array {
  return concat(domain, Uint8Array.of(kind), body);
}
