/** Messages as replicas show them, the dense index that betrays a withheld one, and what a proof must say of each. */

import { Reader } from '../borsh.ts';
import { toHex } from '../bytes.ts';
import type { Json } from '../json.ts';
import { field } from '../replicas.ts';
import type { Verdict } from '../verify/receipt.ts';
import { decodePost } from './operations.ts';

export type ShownMessage = {
  room: string;
  index: number;
  sequence: number;
  position: number;
  author: string;
  key: string;
  timeUs: number;
  text: string;
};

const MOST_ROOM_BYTES = 1024;

function count(value: Json | undefined): number | null {
  return typeof value === 'bigint' && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}

/** The message in a replica's JSON; `null` if it is none. */
export function readMessage(json: Json): ShownMessage | null {
  const [index, sequence, position, timeUs] = ['index', 'sequence', 'position', 'time_us'].map((name) =>
    count(field(json, name)),
  );
  const [room, author, key, text] = ['room', 'author', 'key', 'text'].map((name) => field(json, name));
  const isWhole =
    typeof index === 'number' &&
    typeof sequence === 'number' &&
    typeof position === 'number' &&
    typeof timeUs === 'number' &&
    typeof room === 'string' &&
    typeof author === 'string' &&
    typeof key === 'string' &&
    typeof text === 'string';
  return isWhole ? { room, index, sequence, position, author, key, timeUs, text } : null;
}

export function readMessages(json: Json): ShownMessage[] {
  const list = field(json, 'messages');
  const messages = Array.isArray(list) ? list.map(readMessage).filter((message) => message !== null) : [];
  return messages.sort((a, b) => a.index - b.index);
}

export type Gap = { after: number; before: number; count: number };

/** Where indexes are missing between the messages of one room, sorted by index. */
export function gaps(indexes: readonly number[]): Gap[] {
  const found: Gap[] = [];
  indexes.forEach((index, at) => {
    const earlier = indexes[at - 1];
    if (earlier !== undefined && index > earlier + 1) {
      found.push({ after: earlier, before: index, count: index - earlier - 1 });
    }
  });
  return found;
}

/** The number of `Posted` among the chat's answers. */
const POSTED = 6;

export type Posted = { room: string; index: number; sequence: bigint; position: number; timeUs: bigint };

/** Where a post landed, from the answer that the receipt proves; `null` if the answer is no such thing. */
export function readPosted(answer: Uint8Array): Posted | null {
  try {
    const reader = new Reader(answer);
    if (reader.u8() !== POSTED) {
      return null;
    }
    const room = reader.string(MOST_ROOM_BYTES);
    const [index, sequence] = [Number(reader.u64()), reader.u64()];
    const [position, timeUs] = [reader.u32(), reader.u64()];
    reader.end();
    return { room, index, sequence, position, timeUs };
  } catch {
    return null;
  }
}

/** Why a proof, sound in itself, does not prove this message; `null` if it does. */
export function contradiction(message: ShownMessage, verdict: Verdict): string | null {
  const post = decodePost(verdict.payload);
  if (post === null || verdict.kind !== 'applied' || !('done' in verdict.answer)) {
    return 'the proof is not about a message';
  }
  const posted = readPosted(verdict.answer.done);
  const differences: [string, boolean][] = [
    ['text', post.text !== message.text],
    ['room', post.room !== message.room],
    ['author', toHex(verdict.author) !== message.key],
    ['place in the order', verdict.sequence !== BigInt(message.sequence)],
    ['time', verdict.timeUs !== BigInt(message.timeUs)],
    ['index', posted === null || posted.index !== message.index || posted.room !== message.room],
  ];
  const wrong = differences.filter(([, differs]) => differs).map(([what]) => what);
  return wrong.length === 0 ? null : `the proof shows another ${wrong.join(', another ')}`;
}
