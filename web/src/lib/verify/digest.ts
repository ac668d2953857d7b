/** SHA-256 and the Merkle trees over it; the mirror of `crates/types/src/{digest,merkle}.rs`. */

import { sha256 } from '@noble/hashes/sha2.js';

/** Levels of a tree at most. */
export const MAX_DEPTH = 32;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The digest of the concatenation of `parts`. */
export function digest(...parts: Uint8Array[]): Uint8Array {
  const hasher = sha256.create();
  for (const part of parts) {
    hasher.update(part);
  }
  return hasher.digest();
}

export function leaf(bytes: Uint8Array): Uint8Array {
  return digest(LEAF, bytes);
}

export function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return digest(NODE, left, right);
}

/** One step of a path: the sibling and the side on which it stands. */
export type Step = { side: 'left' | 'right'; sibling: Uint8Array };

/** The root to which the steps lead from a leaf. */
export function walk(from: Uint8Array, steps: readonly Step[]): Uint8Array {
  return steps.reduce(
    (at, step) => (step.side === 'left' ? node(step.sibling, at) : node(at, step.sibling)),
    from,
  );
}
