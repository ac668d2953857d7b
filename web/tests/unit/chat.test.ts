import assert from 'node:assert/strict';
import test from 'node:test';
import { Writer } from '../../src/lib/borsh.ts';
import { fromHex, toHex, utf8 } from '../../src/lib/bytes.ts';
import { notShownYet } from '../../src/lib/chat/echoes.ts';
import { contradiction, gaps, readMessage, readMessages, readPosted } from '../../src/lib/chat/messages.ts';
import { decodePost, encodeOperation } from '../../src/lib/chat/operations.ts';
import { readRooms } from '../../src/lib/chat/rooms.ts';
import { type Json, parseJson } from '../../src/lib/json.ts';
import type { Verdict } from '../../src/lib/verify/receipt.ts';

const key = new Uint8Array(32).fill(0xab);

test('operations have the numbers and fields of the state machine', () => {
  const room = '050000006c6f626279';
  const hex = 'ab'.repeat(32);
  assert.equal(toHex(encodeOperation({ kind: 'register', name: 'ada' })), '0003000000616461');
  assert.equal(toHex(encodeOperation({ kind: 'create-room', room: 'lobby', access: 'public' })), `01${room}00`);
  assert.equal(toHex(encodeOperation({ kind: 'create-room', room: 'lobby', access: 'invite-only' })), `01${room}01`);
  assert.equal(toHex(encodeOperation({ kind: 'join', room: 'lobby' })), `02${room}`);
  assert.equal(toHex(encodeOperation({ kind: 'leave', room: 'lobby' })), `03${room}`);
  assert.equal(toHex(encodeOperation({ kind: 'invite', room: 'lobby', member: key })), `04${room}${hex}`);
  assert.equal(toHex(encodeOperation({ kind: 'remove', room: 'lobby', member: key })), `05${room}${hex}`);
  assert.equal(toHex(encodeOperation({ kind: 'post', room: 'lobby', text: 'hé' })), `06${room}0300000068c3a9`);
});

test('a post is read back, and nothing else passes for one', () => {
  const bytes = encodeOperation({ kind: 'post', room: 'lobby', text: '<b>\u202e😀' });
  assert.deepEqual(decodePost(bytes), { room: 'lobby', text: '<b>\u202e😀' });
  assert.equal(decodePost(encodeOperation({ kind: 'join', room: 'lobby' })), null);
  assert.equal(decodePost(Uint8Array.from([...bytes, 0])), null);
  assert.equal(decodePost(new Uint8Array()), null);
});

function posted(index: bigint): Uint8Array {
  return new Writer().u8(6).string('lobby').u64(index).u64(12n).u32(2).u64(1_790_000_000_000_000n).bytes();
}

test('the answer to a post says where it landed', () => {
  assert.deepEqual(readPosted(posted(7n)), { room: 'lobby', index: 7, sequence: 12n, position: 2, timeUs: 1_790_000_000_000_000n });
  assert.equal(readPosted(Uint8Array.of(5)), null);
  assert.equal(readPosted(Uint8Array.from([...posted(7n), 0])), null);
});

const json = `{"index":7,"sequence":12,"position":2,"room":"lobby","author":"ada","key":"${'ab'.repeat(32)}","time_us":1790000000000000,"text":"hello","edited":false,"deleted":false}`;

test('a message is read from what a replica shows, and what lacks a field is none', () => {
  assert.equal(readMessage(parseJson(json))?.text, 'hello');
  for (const name of ['index', 'sequence', 'position', 'room', 'author', 'key', 'time_us', 'text']) {
    const part = JSON.parse(json) as Record<string, unknown>;
    delete part[name];
    assert.equal(readMessage(parseJson(JSON.stringify(part))), null, name);
  }
  assert.equal(readMessage(parseJson(json.replace('"index":7', '"index":-1'))), null);
  assert.equal(readMessage(parseJson(json.replace('"index":7', '"index":7.5'))), null);
});

test('a page of messages is sorted by index and drops what is no message', () => {
  const page = parseJson(`{"messages":[${json.replace('"index":7', '"index":9')},null,${json}],"next":10}`);
  assert.deepEqual(readMessages(page).map((message) => message.index), [7, 9]);
  assert.deepEqual(readMessages(parseJson('{"messages":7}')), []);
  assert.deepEqual(readMessages(parseJson('null')), []);
});

test('a gap in the dense index is found, and its size', () => {
  assert.deepEqual(gaps([3, 4, 7, 8, 10]), [
    { after: 4, before: 7, count: 2 },
    { after: 8, before: 10, count: 1 },
  ]);
  assert.deepEqual(gaps([5, 6]), []);
  assert.deepEqual(gaps([]), []);
});

test('rooms are read in either form', () => {
  const room = '{"room":"lobby","access":"invite-only","owner":"ab","next_index":3}';
  assert.deepEqual(readRooms(parseJson(`{"rooms":[${room},7,{}]}`)), [{ name: 'lobby', access: 'invite-only', owner: 'ab' }]);
});

function verdict(change: Partial<Verdict> = {}): Verdict {
  return {
    sequence: 12n,
    timeUs: 1_790_000_000_000_000n,
    ordered: 12n,
    view: 0n,
    leader: 0,
    block: key,
    author: key,
    session: key,
    nonce: 1n,
    index: 0,
    query: false,
    request: key,
    payload: encodeOperation({ kind: 'post', room: 'lobby', text: 'hello' }),
    kind: 'applied',
    answer: { done: posted(7n) },
    committers: [0, 1, 2],
    repliers: [0, 1],
    ...change,
  };
}

// Faults: R20
test('a proof proves the very message that is shown, and no other', () => {
  const message = readMessage(parseJson(json) as Json);
  assert.ok(message !== null);
  assert.equal(contradiction(message, verdict()), null);
  assert.match(contradiction({ ...message, text: 'hello!' }, verdict()) ?? '', /another text/);
  assert.match(contradiction({ ...message, room: 'attic' }, verdict()) ?? '', /another room/);
  assert.match(contradiction({ ...message, key: 'cd'.repeat(32) }, verdict()) ?? '', /another author/);
  assert.match(contradiction({ ...message, sequence: 13 }, verdict()) ?? '', /place in the order/);
  assert.match(contradiction({ ...message, timeUs: 1 }, verdict()) ?? '', /another time/);
  assert.match(contradiction({ ...message, index: 8 }, verdict()) ?? '', /another index/);
  assert.match(contradiction(message, verdict({ kind: 'duplicate' })) ?? '', /not about a message/);
  assert.match(contradiction(message, verdict({ payload: utf8('x') })) ?? '', /not about a message/);
  assert.match(contradiction(message, verdict({ answer: { refused: { code: 'a', message: 'b' } } })) ?? '', /not about/);
});

test('keys in hexadecimal are 32 bytes', () => {
  assert.equal(fromHex('ab'.repeat(32))?.length, 32);
});

test('a post that a replica shows before its proof is in has one line', () => {
  const post = (text: string, after: number | null = 4, isUnanswered = true) => ({ text, after, isUnanswered });
  const own = (index: number, text: string) => ({ index, text });
  assert.deepEqual(notShownYet([post('a'), post('b')], [own(5, 'a')]), [post('b')]);
  assert.deepEqual(notShownYet([post('a'), post('a')], [own(5, 'a')]), [post('a')], 'each stands for one');
  assert.deepEqual(notShownYet([post('a')], [own(4, 'a')]), [post('a')], 'that one was there before');
  assert.deepEqual(notShownYet([post('a', null)], [own(5, 'a')]), [post('a', null)], 'sent in an earlier visit');
  const answered = post('a', 4, false);
  assert.deepEqual(notShownYet([answered, post('a')], [own(5, 'a'), own(6, 'a')]), [answered], 'what came of it is shown');
});
