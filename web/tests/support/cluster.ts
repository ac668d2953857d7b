/** A committee with real keys, and sound receipts signed by it, for tests that then break them. */

import * as ed25519 from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { Writer } from '../../src/lib/borsh.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { commitDigest, headerId, payloadLeaf, replyDigest, resultLeaf } from '../../src/lib/verify/bodies.ts';
import { type Committee, decodeCommittee } from '../../src/lib/verify/committee.ts';
import { digest, node, type Step } from '../../src/lib/verify/digest.ts';
import type { Answer, Header, OperationPart, ResultKind } from '../../src/lib/verify/format.ts';
import { Kind, signingBytes } from '../../src/lib/verify/signing.ts';

ed25519.hashes.sha512 = sha512;

export type TestCluster = { committee: Committee; bytes: Uint8Array; secrets: Uint8Array[] };

/** The same secrets for the same seed, so that a failing test fails again. */
function secret(seed: string): Uint8Array {
  return digest(new TextEncoder().encode(seed));
}

export function makeCluster(seed: string, n = 4, demo = false): TestCluster {
  const ids = Array.from({ length: n }, (_, id) => id);
  const secrets = ids.map((id) => secret(`${seed} consensus ${id}`));
  const bytes = new Writer()
    .fixed(secret(`${seed} salt`), 32)
    .u64(0n)
    .u8(0)
    .bool(demo)
    .u64(1024n)
    .u64(67108864n)
    .u64(0n)
    .u64(0n)
    .list(ids, (writer, id) =>
      writer
        .fixed(ed25519.getPublicKey(secrets[id] as Uint8Array), 32)
        .fixed(ed25519.getPublicKey(secret(`${seed} link ${id}`)), 32),
    )
    .bytes();
  return { committee: decodeCommittee(bytes), bytes, secrets };
}

/** The tree's levels, from the leaves up. */
function levels(leaves: Uint8Array[]): Uint8Array[][] {
  const found = [leaves];
  for (let level = leaves; level.length > 1; found.push(level)) {
    const next: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at] as Uint8Array, level[at + 1]];
      next.push(right === undefined ? left : node(left, right));
    }
    level = next;
  }
  return found;
}

export function root(leaves: Uint8Array[]): Uint8Array {
  return levels(leaves).at(-1)?.[0] as Uint8Array;
}

export function path(leaves: Uint8Array[], index: number): Step[] {
  return levels(leaves).flatMap((level, height): Step[] => {
    const at = index >> height;
    const sibling = level[at ^ 1];
    return sibling === undefined ? [] : [{ side: at % 2 === 1 ? 'left' : 'right', sibling }];
  });
}

/** JSON as a plain structure that tests may change at will. */
export type Loose = { [name: string]: any } & any[]; // eslint-disable-line

function header(cluster: TestCluster, sequence: bigint, parent: Uint8Array, payloadRoot: Uint8Array): Header {
  return {
    epoch: cluster.committee.epoch,
    view: 5n,
    sequence,
    parent,
    timeUs: 1_790_000_000_000_000n + sequence,
    leader: 1,
    // A liar's counter may be anything; it must survive the way through JSON.
    batches: [{ author: 1, laneSequence: 2n ** 63n + 1n, digest: secret('batch'), count: 3, bytes: 700 }],
    payloadRoot,
    newViewDigest: sequence % 2n === 0n ? secret('new view') : null,
    control: null,
  };
}

function headerJson(value: Header) {
  return {
    epoch: value.epoch,
    view: value.view,
    sequence: value.sequence,
    parent: toHex(value.parent),
    time_us: value.timeUs,
    leader: value.leader,
    batches: value.batches.map((batch) => ({
      author: batch.author,
      lane_sequence: batch.laneSequence,
      digest: toHex(batch.digest),
      count: batch.count,
      bytes: batch.bytes,
    })),
    payload_root: toHex(value.payloadRoot),
    new_view_digest: value.newViewDigest === null ? null : toHex(value.newViewDigest),
    control: null,
  };
}

export function sign(cluster: TestCluster, kind: Kind, replica: number, body: Uint8Array) {
  const bytes = signingBytes(cluster.committee.replicaDomain, kind, body);
  return { replica, signature: toHex(ed25519.sign(bytes, cluster.secrets[replica] as Uint8Array)) };
}

function blockProof(cluster: TestCluster, headers: Header[]) {
  const last = headers.at(-1) as Header;
  const signers = Array.from({ length: cluster.committee.quorum }, (_, id) => id + cluster.committee.n - cluster.committee.quorum);
  const commits = signers.map((id) => sign(cluster, Kind.Commit, id, commitDigest(last, headerId(last), id)));
  return { headers: headers.map(headerJson), commits };
}

export type ReceiptWish = {
  operation: OperationPart;
  answer: Answer;
  kind?: ResultKind;
  sequence?: bigint;
  position?: number;
  /** Operations in the same block. */
  others?: number;
  /** Headers between the block and the certified one. */
  descendants?: number;
  /** Executed in a later block. */
  held?: boolean;
};

/** A sound receipt, as text. */
export function makeReceipt(cluster: TestCluster, wish: ReceiptWish): string {
  const { operation, answer, kind = 'applied', sequence = 12n, position = 2, others = 4, held = false } = wish;
  const stuffed = (own: Uint8Array) =>
    Array.from({ length: others + 1 }, (_, at) => (at === position ? own : secret(`other ${at}`)));
  const payloadLeaves = stuffed(payloadLeaf(operation));
  const resultLeaves = stuffed(resultLeaf(operation.request, operation.index, kind, answer));
  const chain = (from: bigint, payloadRoot: Uint8Array, parent: Uint8Array) => {
    const headers = [header(cluster, from, parent, payloadRoot)];
    for (let at = 0; at < (wish.descendants ?? 1); at += 1) {
      const last = headers.at(-1) as Header;
      headers.push(header(cluster, last.sequence + 1n, headerId(last), secret(`root ${at}`)));
    }
    return headers;
  };
  const ordered = chain(sequence, root(payloadLeaves), secret('parent'));
  const released = held ? chain(sequence + 3n, secret('released'), secret('parent 2')) : null;
  const executed = (released ?? ordered)[0] as Header;
  const replies = [0, 3].map((id) =>
    sign(cluster, Kind.Reply, id, replyDigest(executed.sequence, headerId(executed), root(resultLeaves), id)),
  );
  const steps = (list: Step[]) => list.map((step) => ({ [step.side]: toHex(step.sibling) }));
  return write({
    format: 'outvote-receipt/1',
    cluster: toHex(cluster.committee.cluster),
    operation: {
      session: toHex(operation.session),
      nonce: operation.nonce,
      index: operation.index,
      request: toHex(operation.request),
      author: toHex(operation.author),
      query: operation.query,
      payload: toHex(operation.payload),
    },
    payload_path: steps(path(payloadLeaves, position)),
    ordered: blockProof(cluster, ordered),
    released: released === null ? null : blockProof(cluster, released),
    result: {
      kind,
      answer: 'done' in answer ? { done: toHex(answer.done) } : answer,
    },
    result_path: steps(path(resultLeaves, position)),
    replies: replies.slice(0, cluster.committee.weak),
  });
}

/** JSON with whole numbers of any size. */
export function write(value: unknown): string {
  const marked = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `#${item}#` : item));
  return marked.replace(/"#(-?[0-9]+)#"/g, '$1');
}
