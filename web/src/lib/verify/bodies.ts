/** The canonical bytes of what replicas sign or hash; the mirror of the structs in `crates/types`. */

import { type Reader, Writer } from '../borsh.ts';
import { digest, leaf } from './digest.ts';
import { type Answer, type Header, type OperationPart, RESULT_KINDS, type ResultKind } from './format.ts';

export const MOST_BATCHES = 8;
export const MOST_CONTROL_BYTES = 16 * 1024;
/** The numbers of the two rounds of votes. */
export const PREPARE_PHASE = 0;
export const COMMIT_PHASE = 1;

/** The block's identity. */
export function headerId(header: Header): Uint8Array {
  const writer = new Writer()
    .u64(header.epoch)
    .u64(header.view)
    .u64(header.sequence)
    .fixed(header.parent, 32)
    .u64(header.timeUs)
    .u16(header.leader)
    .list(header.batches, (w, batch) =>
      w.u16(batch.author).u64(batch.laneSequence).fixed(batch.digest, 32).u32(batch.count).u32(batch.bytes),
    )
    .fixed(header.payloadRoot, 32)
    .option(header.newViewDigest, (w, bytes) => w.fixed(bytes, 32))
    .option(header.control, (w, bytes) => w.blob(bytes));
  return digest(writer.bytes());
}

/** A header from its canonical bytes. */
export function readHeader(reader: Reader): Header {
  return {
    epoch: reader.u64(),
    view: reader.u64(),
    sequence: reader.u64(),
    parent: reader.fixed(32),
    timeUs: reader.u64(),
    leader: reader.u16(),
    batches: reader.list(MOST_BATCHES, (batch) => ({
      author: batch.u16(),
      laneSequence: batch.u64(),
      digest: batch.fixed(32),
      count: batch.u32(),
      bytes: batch.u32(),
    })),
    payloadRoot: reader.fixed(32),
    newViewDigest: reader.bool() ? reader.fixed(32) : null,
    control: reader.bool() ? reader.blob(MOST_CONTROL_BYTES) : null,
  };
}

export type Vote = { phase: number; view: bigint; sequence: bigint; id: Uint8Array; replica: number };

/** The digest of a vote's body. */
export function voteDigest(vote: Vote): Uint8Array {
  const { phase, view, sequence, id, replica } = vote;
  return digest(new Writer().u8(phase).u64(view).u64(sequence).fixed(id, 32).u16(replica).bytes());
}

/** The digest of the COMMIT vote for a header. */
export function commitDigest(header: Header, id: Uint8Array, replica: number): Uint8Array {
  return voteDigest({ phase: COMMIT_PHASE, view: header.view, sequence: header.sequence, id, replica });
}

/** The digest of a REPLY's body. */
export function replyDigest(
  sequence: bigint,
  id: Uint8Array,
  resultRoot: Uint8Array,
  replica: number,
): Uint8Array {
  return digest(new Writer().u64(sequence).fixed(id, 32).fixed(resultRoot, 32).u16(replica).bytes());
}

/** The leaf of an operation under its header's payload root. */
export function payloadLeaf(operation: OperationPart): Uint8Array {
  return leaf(
    new Writer()
      .fixed(operation.session, 32)
      .u64(operation.nonce)
      .u32(operation.index)
      .fixed(operation.request, 32)
      .fixed(operation.author, 32)
      .bool(operation.query)
      .fixed(digest(operation.payload), 32)
      .bytes(),
  );
}

export function answerDigest(answer: Answer): Uint8Array {
  const writer = new Writer();
  if ('done' in answer) {
    writer.u8(0).blob(answer.done);
  } else {
    writer.u8(1).string(answer.refused.code).string(answer.refused.message);
  }
  return digest(writer.bytes());
}

/** The leaf of an operation's result under the result root. */
export function resultLeaf(request: Uint8Array, index: number, kind: ResultKind, answer: Answer): Uint8Array {
  return leaf(
    new Writer()
      .fixed(request, 32)
      .u32(index)
      .u8(RESULT_KINDS.indexOf(kind))
      .fixed(answerDigest(answer), 32)
      .bytes(),
  );
}
