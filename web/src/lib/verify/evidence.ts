/**
 * Whether a piece of evidence proves what is said of it: two different signed things of one replica for one slot. The
 * mirror of `crates/types/src/evidence.rs` for the kinds that compare two headers or two votes; the rarer kinds about
 * changes of view are left to the replicas and the command line.
 */

import { BorshError, Reader } from '../borsh.ts';
import { areEqual, fromHex } from '../bytes.ts';
import { COMMIT_PHASE, headerId, PREPARE_PHASE, readHeader, type Vote, voteDigest } from './bodies.ts';
import type { Committee } from './committee.ts';
import { isValid } from './ed25519.ts';
import { Kind, signingBytes } from './signing.ts';

const TWO_HEADERS = 0;
const TWO_VOTES = 1;

export type EvidenceCheck =
  | { kind: 'proven'; accused: number; rule: string; view: bigint; sequence: bigint }
  | { kind: 'unproven'; why: string }
  /** A kind that this page does not read. */
  | { kind: 'unchecked' };

type Half = { signer: number; view: bigint; sequence: bigint; kind: Kind; digest: Uint8Array; signature: Uint8Array };

function readSignedHeader(reader: Reader, committee: Committee): Half {
  const header = readHeader(reader);
  if (header.epoch !== committee.epoch) {
    throw new BorshError('it is of another epoch');
  }
  const { leader: signer, view, sequence } = header;
  return { signer, view, sequence, kind: Kind.Header, digest: headerId(header), signature: reader.fixed(64) };
}

function readSignedVote(reader: Reader): Half {
  const vote: Vote = {
    phase: reader.u8(),
    view: reader.u64(),
    sequence: reader.u64(),
    id: reader.fixed(32),
    replica: reader.u16(),
  };
  if (vote.phase !== PREPARE_PHASE && vote.phase !== COMMIT_PHASE) {
    throw new BorshError('there is no such vote');
  }
  const kind = vote.phase === PREPARE_PHASE ? Kind.Prepare : Kind.Commit;
  const { replica: signer, view, sequence } = vote;
  return { signer, view, sequence, kind, digest: voteDigest(vote), signature: reader.fixed(64) };
}

const RULES: Partial<Record<Kind, string>> = {
  [Kind.Header]: 'two proposals for one slot',
  [Kind.Prepare]: 'two PREPARE votes for one slot',
  [Kind.Commit]: 'two COMMIT votes for one slot',
};

/** Judges the canonical bytes of a piece of evidence, given in hexadecimal. */
export async function checkEvidence(proof: string, committee: Committee): Promise<EvidenceCheck> {
  const bytes = fromHex(proof);
  if (bytes === null || bytes.length === 0) {
    return { kind: 'unproven', why: 'its proof is missing' };
  }
  const reader = new Reader(bytes);
  try {
    const number = reader.u8();
    if (number !== TWO_HEADERS && number !== TWO_VOTES) {
      return { kind: 'unchecked' };
    }
    const read = () => (number === TWO_HEADERS ? readSignedHeader(reader, committee) : readSignedVote(reader));
    const [one, two] = [read(), read()];
    reader.end();
    return await compare(one, two, committee);
  } catch (error) {
    if (error instanceof BorshError) {
      return { kind: 'unproven', why: error.message };
    }
    throw error;
  }
}

async function compare(one: Half, two: Half, committee: Committee): Promise<EvidenceCheck> {
  const isOneSlot = one.signer === two.signer && one.view === two.view && one.sequence === two.sequence && one.kind === two.kind;
  if (!isOneSlot || areEqual(one.digest, two.digest)) {
    return { kind: 'unproven', why: 'its two halves do not contradict each other' };
  }
  const member = committee.members[one.signer];
  const verdicts = await Promise.all(
    [one, two].map((half) => {
      const bytes = signingBytes(committee.replicaDomain, half.kind, half.digest);
      return member === undefined ? false : isValid(member.consensusKey, bytes, half.signature);
    }),
  );
  if (!verdicts.every((holds) => holds)) {
    return { kind: 'unproven', why: 'a signature in it does not hold' };
  }
  const { signer: accused, view, sequence } = one;
  return { kind: 'proven', accused, rule: RULES[one.kind] ?? '', view, sequence };
}
