/** The receipt's JSON form, field by field; the mirror of `crates/session/src/receipt/format.rs`. */

import { fromHex } from '../bytes.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Step } from './digest.ts';

export const FORMAT = 'outvote-receipt/1';

export class ReceiptError extends Error {}

export type SignaturePart = { replica: number; signature: Uint8Array };
export type BatchPart = { author: number; laneSequence: bigint; digest: Uint8Array; count: number; bytes: number };
export type Header = {
  epoch: bigint;
  view: bigint;
  sequence: bigint;
  parent: Uint8Array;
  timeUs: bigint;
  leader: number;
  batches: BatchPart[];
  payloadRoot: Uint8Array;
  newViewDigest: Uint8Array | null;
  control: Uint8Array | null;
};
export type BlockProof = { headers: Header[]; commits: SignaturePart[] };
export type OperationPart = {
  session: Uint8Array;
  nonce: bigint;
  index: number;
  request: Uint8Array;
  author: Uint8Array;
  query: boolean;
  payload: Uint8Array;
};
/** In the order of their numbers in the encoding. */
export const RESULT_KINDS = ['applied', 'held', 'duplicate', 'nonce-reused', 'too-far', 'refused'] as const;
export type ResultKind = (typeof RESULT_KINDS)[number];
export type Answer = { done: Uint8Array } | { refused: { code: string; message: string } };
export type Receipt = {
  cluster: Uint8Array;
  operation: OperationPart;
  payloadPath: Step[];
  ordered: BlockProof;
  released: BlockProof | null;
  result: { kind: ResultKind; answer: Answer };
  resultPath: Step[];
  replies: SignaturePart[];
};

/** The fields of an object: exactly these, as serde's `deny_unknown_fields` has it. */
function object(value: Json, what: string, names: readonly string[], optional: readonly string[] = []): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new ReceiptError(`${what} is no object`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name) && !optional.includes(name));
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (unknown !== undefined || missing !== undefined) {
    throw new ReceiptError(
      unknown === undefined ? `${what} lacks ${missing}` : `${what} has an unknown field ${JSON.stringify(unknown)}`,
    );
  }
  return value;
}

function list<T>(value: Json | undefined, what: string, read: (item: Json) => T): T[] {
  if (!Array.isArray(value)) {
    throw new ReceiptError(`${what} is no list`);
  }
  return value.map(read);
}

function hex(value: Json | undefined, what: string, length?: number): Uint8Array {
  const bytes = typeof value === 'string' ? fromHex(value) : null;
  if (bytes === null || (length !== undefined && bytes.length !== length)) {
    throw new ReceiptError(`${what} is not ${length === undefined ? '' : `${2 * length} `}lower-case hexadecimal digits`);
  }
  return bytes;
}

function integer(value: Json | undefined, what: string, bits: number): bigint {
  if (typeof value !== 'bigint' || value < 0n || value >= 1n << BigInt(bits)) {
    throw new ReceiptError(`${what} is no whole number of ${bits} bits`);
  }
  return value;
}

function small(value: Json | undefined, what: string, bits: 16 | 32): number {
  return Number(integer(value, what, bits));
}

function bool(value: Json | undefined, what: string): boolean {
  if (typeof value !== 'boolean') {
    throw new ReceiptError(`${what} is neither true nor false`);
  }
  return value;
}

function string(value: Json | undefined, what: string): string {
  if (typeof value !== 'string') {
    throw new ReceiptError(`${what} is no string`);
  }
  return value;
}

function optional<T>(value: Json | undefined, read: (value: Json) => T): T | null {
  return value === undefined || value === null ? null : read(value);
}

function step(value: Json): Step {
  const [side] = value !== null && typeof value === 'object' ? Object.keys(value) : [];
  if (side !== 'left' && side !== 'right') {
    throw new ReceiptError('a step of a path is neither left nor right');
  }
  return { side, sibling: hex(object(value, 'a step', [side])[side], 'a sibling', 32) };
}

function signature(value: Json): SignaturePart {
  const part = object(value, 'a signature', ['replica', 'signature']);
  return { replica: small(part['replica'], 'replica', 16), signature: hex(part['signature'], 'signature', 64) };
}

function batch(value: Json): BatchPart {
  const part = object(value, 'a batch', ['author', 'lane_sequence', 'digest', 'count', 'bytes']);
  return {
    author: small(part['author'], 'author', 16),
    laneSequence: integer(part['lane_sequence'], 'lane_sequence', 64),
    digest: hex(part['digest'], 'digest', 32),
    count: small(part['count'], 'count', 32),
    bytes: small(part['bytes'], 'bytes', 32),
  };
}

const HEADER_FIELDS = ['epoch', 'view', 'sequence', 'parent', 'time_us', 'leader', 'batches', 'payload_root'];

function header(value: Json): Header {
  const part = object(value, 'a header', HEADER_FIELDS, ['new_view_digest', 'control']);
  return {
    epoch: integer(part['epoch'], 'epoch', 64),
    view: integer(part['view'], 'view', 64),
    sequence: integer(part['sequence'], 'sequence', 64),
    parent: hex(part['parent'], 'parent', 32),
    timeUs: integer(part['time_us'], 'time_us', 64),
    leader: small(part['leader'], 'leader', 16),
    batches: list(part['batches'], 'batches', batch),
    payloadRoot: hex(part['payload_root'], 'payload_root', 32),
    newViewDigest: optional(part['new_view_digest'], (bytes) => hex(bytes, 'new_view_digest', 32)),
    control: optional(part['control'], (bytes) => hex(bytes, 'control')),
  };
}

function proof(value: Json): BlockProof {
  const part = object(value, 'a block proof', ['headers', 'commits']);
  return { headers: list(part['headers'], 'headers', header), commits: list(part['commits'], 'commits', signature) };
}

function operation(value: Json): OperationPart {
  const part = object(value, 'operation', ['session', 'nonce', 'index', 'request', 'author', 'query', 'payload']);
  return {
    session: hex(part['session'], 'session', 32),
    nonce: integer(part['nonce'], 'nonce', 64),
    index: small(part['index'], 'index', 32),
    request: hex(part['request'], 'request', 32),
    author: hex(part['author'], 'author', 32),
    query: bool(part['query'], 'query'),
    payload: hex(part['payload'], 'payload'),
  };
}

function answer(value: Json): Answer {
  if (value !== null && typeof value === 'object' && Object.hasOwn(value, 'done')) {
    return { done: hex(object(value, 'answer', ['done'])['done'], 'done') };
  }
  const refused = object(object(value, 'answer', ['refused'])['refused'] ?? null, 'refused', ['code', 'message']);
  return { refused: { code: string(refused['code'], 'code'), message: string(refused['message'], 'message') } };
}

function result(value: Json): Receipt['result'] {
  const part = object(value, 'result', ['kind', 'answer']);
  const kind = RESULT_KINDS.find((known) => known === part['kind']);
  if (kind === undefined) {
    throw new ReceiptError('the kind of the result is unknown');
  }
  return { kind, answer: answer(part['answer'] ?? null) };
}

const FIELDS = ['format', 'cluster', 'operation', 'payload_path', 'ordered', 'result', 'result_path', 'replies'];

/** The receipt in a JSON value. Says nothing until it is verified. */
export function readReceipt(value: Json): Receipt {
  const part = object(value, 'the receipt', FIELDS, ['released']);
  if (part['format'] !== FORMAT) {
    throw new ReceiptError(`its format is not ${FORMAT}`);
  }
  return {
    cluster: hex(part['cluster'], 'cluster', 32),
    operation: operation(part['operation'] ?? null),
    payloadPath: list(part['payload_path'], 'payload_path', step),
    ordered: proof(part['ordered'] ?? null),
    released: optional(part['released'], proof),
    result: result(part['result'] ?? null),
    resultPath: list(part['result_path'], 'result_path', step),
    replies: list(part['replies'], 'replies', signature),
  };
}
