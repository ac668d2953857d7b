/** The committee: whose signatures count, and how many; the mirror of `crates/types/src/{committee,quorum}.rs`. */

import { BorshError, Reader } from '../borsh.ts';
import { toHex, utf8 } from '../bytes.ts';
import { digest } from './digest.ts';
import { isUsableMemberKey } from './ed25519.ts';
import { clientDomain, replicaDomain } from './signing.ts';

const MOST_MEMBERS = 128;
const FEWEST_MEMBERS = 4;

export type Member = { consensusKey: Uint8Array; linkKey: Uint8Array };

export type Committee = {
  epoch: bigint;
  demo: boolean;
  members: Member[];
  /** The cluster's name: the digest of its first committee, which this is. */
  cluster: Uint8Array;
  replicaDomain: Uint8Array;
  clientDomain: Uint8Array;
  n: number;
  /** How many liars are outvoted. */
  f: number;
  /** How many equal COMMITs commit a block. */
  quorum: number;
  /** How many must say the same so that one of them is honest. */
  weak: number;
};

export class CommitteeError extends Error {}

/** The committee from its canonical bytes, if it is sound. */
export function decodeCommittee(bytes: Uint8Array): Committee {
  const { epoch, mode, demo, members } = fields(bytes);
  const n = members.length;
  if (mode !== 0) {
    throw new CommitteeError('it is no byzantine committee: there is nothing that a receipt could prove');
  }
  if (n < FEWEST_MEMBERS) {
    throw new CommitteeError(`${n} replicas cannot outvote a liar`);
  }
  const keys = members.flatMap((member) => [member.consensusKey, member.linkKey]);
  if (!keys.every(isUsableMemberKey)) {
    throw new CommitteeError('a key of a member is not usable');
  }
  if (new Set(keys.map(toHex)).size !== keys.length) {
    throw new CommitteeError('two members share a key');
  }
  const cluster = digest(utf8('outvote/committee'), bytes);
  const f = Math.floor((n - 1) / 3);
  return {
    epoch,
    demo,
    members,
    cluster,
    replicaDomain: replicaDomain(cluster, epoch, cluster),
    clientDomain: clientDomain(cluster),
    n,
    f,
    quorum: Math.ceil((2 * n) / 3),
    weak: f + 1,
  };
}

function fields(bytes: Uint8Array) {
  try {
    const reader = new Reader(bytes);
    reader.fixed(32); // The salt only makes the digest differ.
    const epoch = reader.u64();
    const mode = reader.u8();
    const demo = reader.bool();
    const checkpoints = [reader.u64(), reader.u64()];
    reader.u64(); // After how many blocks leaders take turns,
    reader.u64(); // and after how long: no receipt depends on it.
    const members = reader.list(MOST_MEMBERS, (member) => ({
      consensusKey: member.fixed(32),
      linkKey: member.fixed(32),
    }));
    reader.end();
    if (checkpoints.includes(0n) || mode > 1) {
      throw new CommitteeError('its checkpoints or its mode are not allowed');
    }
    return { epoch, mode, demo, members };
  } catch (error) {
    throw error instanceof BorshError ? new CommitteeError(error.message) : error;
  }
}
