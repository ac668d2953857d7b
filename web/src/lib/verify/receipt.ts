/** What a receipt proves, from its bytes and the committee alone; the mirror of `crates/session/src/receipt/verify.rs`. */

import { areEqual, toHex } from '../bytes.ts';
import type { Json } from '../json.ts';
import {
  commitDigest,
  headerId,
  MOST_BATCHES,
  MOST_CONTROL_BYTES,
  payloadLeaf,
  replyDigest,
  resultLeaf,
} from './bodies.ts';
import type { Committee } from './committee.ts';
import { MAX_DEPTH, type Step, walk } from './digest.ts';
import { isValid } from './ed25519.ts';
import {
  type Answer,
  type BlockProof,
  type Header,
  type Receipt,
  ReceiptError,
  type ResultKind,
  readReceipt,
  type SignaturePart,
} from './format.ts';
import { Kind, signingBytes } from './signing.ts';

const MOST_HEADERS = 256;
const MOST_ANSWER_BYTES = 1024 * 1024;

/** What a sound receipt says. */
export type Verdict = {
  sequence: bigint;
  timeUs: bigint;
  /** The block that ordered it: the same, unless it had to wait for an earlier nonce. */
  ordered: bigint;
  view: bigint;
  leader: number;
  /** The identity of the block that executed it. */
  block: Uint8Array;
  author: Uint8Array;
  session: Uint8Array;
  nonce: bigint;
  index: number;
  query: boolean;
  request: Uint8Array;
  payload: Uint8Array;
  kind: ResultKind;
  answer: Answer;
  /** Who signed that the block is committed. */
  committers: number[];
  /** Who signed the outcome. */
  repliers: number[];
};

/** Checks a receipt. Throws a `ReceiptError` that names the first thing that does not hold. */
export async function verifyReceipt(json: Json, committee: Committee): Promise<Verdict> {
  const receipt = readReceipt(json);
  if (!areEqual(receipt.cluster, committee.cluster)) {
    throw new ReceiptError(`it is a receipt of another cluster, ${toHex(receipt.cluster)}`);
  }
  const ordered = await checkBlock(receipt.ordered, committee);
  // R5: the operation's path leads to the payload root of its own header.
  if (!areEqual(follow(payloadLeaf(receipt.operation), receipt.payloadPath), ordered.payloadRoot)) {
    throw new ReceiptError('the operation is not the one in the block');
  }
  // R6: a held operation's result stands in the block that released it.
  const executed = receipt.released === null ? ordered : await checkBlock(receipt.released, committee);
  if (receipt.released !== null && executed.sequence <= ordered.sequence) {
    throw new ReceiptError('the releasing block does not come after the ordering block');
  }
  const block = headerId(executed);
  await checkReplies(receipt, executed, block, committee);
  return verdict(receipt, ordered, executed, block);
}

function verdict(receipt: Receipt, ordered: Header, executed: Header, block: Uint8Array): Verdict {
  const { operation, result } = receipt;
  return {
    sequence: executed.sequence,
    timeUs: executed.timeUs,
    ordered: ordered.sequence,
    view: executed.view,
    leader: executed.leader,
    block,
    author: operation.author,
    session: operation.session,
    nonce: operation.nonce,
    index: operation.index,
    query: operation.query,
    request: operation.request,
    payload: operation.payload,
    kind: result.kind,
    answer: result.answer,
    committers: (receipt.released ?? receipt.ordered).commits.map((commit) => commit.replica),
    repliers: receipt.replies.map((reply) => reply.replica),
  };
}

/** The first header, once the chain and the certificate of its last one hold. */
async function checkBlock(proof: BlockProof, committee: Committee): Promise<Header> {
  const { headers, commits } = proof;
  const [first, last] = [headers[0], headers[headers.length - 1]];
  if (first === undefined || last === undefined || headers.length > MOST_HEADERS) {
    throw new ReceiptError('a proof has between 1 and 256 headers');
  }
  if (!headers.every(isBounded)) {
    throw new ReceiptError('a header breaks the bounds of headers');
  }
  const ids = headers.map(headerId);
  headers.forEach((header, at) => {
    const [before, parent] = [headers[at - 1], ids[at - 1]];
    const follows =
      before === undefined ||
      parent === undefined ||
      (areEqual(header.parent, parent) && header.sequence === before.sequence + 1n);
    if (!follows || header.epoch !== committee.epoch) {
      throw new ReceiptError('the headers do not follow one another');
    }
  });
  const id = headerId(last);
  // Exactly q: one signature more would be one that need not hold.
  const isCommitted = await areSound(commits, committee.quorum, committee, Kind.Commit, (replica) =>
    commitDigest(last, id, replica),
  );
  if (!isCommitted) {
    throw new ReceiptError(
      `the block is not proven committed: it takes exactly ${committee.quorum} valid COMMIT signatures`,
    );
  }
  return first;
}

function isBounded(header: Header): boolean {
  return header.batches.length <= MOST_BATCHES && (header.control?.length ?? 0) <= MOST_CONTROL_BYTES;
}

/** R6: f + 1 members signed a result root that covers this operation's own result. */
async function checkReplies(
  receipt: Receipt,
  executed: Header,
  block: Uint8Array,
  committee: Committee,
): Promise<void> {
  const { operation, result } = receipt;
  if ('done' in result.answer && result.answer.done.length > MOST_ANSWER_BYTES) {
    throw new ReceiptError('the answer exceeds 1 MiB');
  }
  const leaf = resultLeaf(operation.request, operation.index, result.kind, result.answer);
  const root = follow(leaf, receipt.resultPath);
  const isAnswered = await areSound(receipt.replies, committee.weak, committee, Kind.Reply, (replica) =>
    replyDigest(executed.sequence, block, root, replica),
  );
  if (!isAnswered) {
    throw new ReceiptError(`the outcome is not proven: it takes exactly ${committee.weak} valid REPLY signatures`);
  }
}

function follow(leaf: Uint8Array, steps: Step[]): Uint8Array {
  if (steps.length > MAX_DEPTH) {
    throw new ReceiptError(`a path has at most ${MAX_DEPTH} steps`);
  }
  return walk(leaf, steps);
}

/** Whether exactly `count` different members signed, in ascending order, and each signature holds. */
async function areSound(
  parts: SignaturePart[],
  count: number,
  committee: Committee,
  kind: Kind,
  body: (replica: number) => Uint8Array,
): Promise<boolean> {
  const isAscending = parts.every((part, at) => at === 0 || (parts[at - 1]?.replica ?? -1) < part.replica);
  if (parts.length !== count || !isAscending) {
    return false;
  }
  const verdicts = await Promise.all(
    parts.map((part) => {
      const member = committee.members[part.replica];
      const bytes = signingBytes(committee.replicaDomain, kind, body(part.replica));
      return member === undefined ? false : isValid(member.consensusKey, bytes, part.signature);
    }),
  );
  return verdicts.every((holds) => holds);
}
