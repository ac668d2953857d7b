import assert from 'node:assert/strict';
import test from 'node:test';
import { toHex, utf8 } from '../../src/lib/bytes.ts';
import { parseJson } from '../../src/lib/json.ts';
import { digest } from '../../src/lib/verify/digest.ts';
import { type OperationPart, ReceiptError } from '../../src/lib/verify/format.ts';
import { verifyReceipt } from '../../src/lib/verify/receipt.ts';
import { type Loose, makeCluster, makeReceipt } from '../support/cluster.ts';

const cluster = makeCluster('receipts');
const session = digest(utf8('session'));
const operation: OperationPart = {
  session,
  nonce: 4n,
  index: 0,
  request: digest(utf8('request')),
  author: session,
  query: false,
  payload: utf8('payload'),
};
const done = { done: utf8('answer') };

/** The digits of the one counter that JavaScript's own numbers cannot hold. */
const COUNTER = String(2n ** 63n + 1n);

/** The receipt with one change made to it. */
function changed(text: string, change: (receipt: Loose) => void): string {
  const loose = JSON.parse(text.replaceAll(`:${COUNTER}`, `:"#counter#"`)) as Loose;
  change(loose);
  return JSON.stringify(loose).replaceAll('"#counter#"', COUNTER);
}

function flip(hex: string): string {
  return (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
}

const verify = (text: string, by = cluster) => verifyReceipt(parseJson(text), by.committee);

test('a sound receipt says what was ordered, where, and what came of it', async () => {
  const verdict = await verify(makeReceipt(cluster, { operation, answer: done }));
  assert.equal(verdict.sequence, 12n);
  assert.equal(verdict.kind, 'applied');
  assert.equal(toHex(verdict.payload), toHex(operation.payload));
  assert.deepEqual(verdict.committers, [1, 2, 3]);
  assert.deepEqual(verdict.repliers, [0, 3]);
});

test('a block is proven by a certified descendant, and by its own certificate', async () => {
  for (const descendants of [0, 1, 5]) {
    await verify(makeReceipt(cluster, { operation, answer: done, descendants }));
  }
});

test('a held operation has its place where it was released', async () => {
  const verdict = await verify(makeReceipt(cluster, { operation, answer: done, held: true }));
  assert.equal(verdict.ordered, 12n);
  assert.equal(verdict.sequence, 15n);
});

test('a refusal is proven with its reason', async () => {
  const answer = { refused: { code: 'not-a-member', message: 'you are no member' } };
  const verdict = await verify(makeReceipt(cluster, { operation, answer, kind: 'refused' }));
  assert.deepEqual(verdict.answer, answer);
});

test('committees of other sizes have their own quorums', async () => {
  for (const n of [4, 5, 6]) {
    const other = makeCluster('sizes', n);
    await verify(makeReceipt(other, { operation, answer: done }), other);
  }
});

// Faults: R07
test('a receipt of another cluster is refused', async () => {
  await assert.rejects(verify(makeReceipt(makeCluster('others'), { operation, answer: done })), /another cluster/);
});

const sound = makeReceipt(cluster, { operation, answer: done });
const held = makeReceipt(cluster, { operation, answer: done, held: true });

const TAMPERING: [string, string, (receipt: Loose) => void][] = [
  ['another payload', sound, (r) => (r['operation'].payload = flip(r['operation'].payload))],
  ['another author', sound, (r) => (r['operation'].author = flip(r['operation'].author))],
  ['another session', sound, (r) => (r['operation'].session = flip(r['operation'].session))],
  ['another nonce', sound, (r) => (r['operation'].nonce += 1)],
  ['another index', sound, (r) => (r['operation'].index += 1)],
  ['a question instead of a command', sound, (r) => (r['operation'].query = true)],
  ['another request', sound, (r) => (r['operation'].request = flip(r['operation'].request))],
  ['another answer', sound, (r) => (r['result'].answer.done = flip(r['result'].answer.done))],
  ['a refusal instead of the answer', sound, (r) => (r['result'].answer = { refused: { code: 'a', message: 'b' } })],
  ['another kind', sound, (r) => (r['result'].kind = 'duplicate')],
  ['a step less to the payload root', sound, (r) => r['payload_path'].pop()],
  ['a step on the other side', sound, (r) => (r['payload_path'][0] = { left: Object.values(r['payload_path'][0])[0] })],
  ['a step less to the result root', sound, (r) => r['result_path'].pop()],
  ['another time', sound, (r) => (r['ordered'].headers[0].time_us += 1)],
  ['another place', sound, (r) => (r['ordered'].headers[0].sequence -= 1)],
  ['another view', sound, (r) => (r['ordered'].headers[1].view += 1)],
  ['another batch', sound, (r) => (r['ordered'].headers[0].batches[0].count += 1)],
  ['another epoch', sound, (r) => (r['ordered'].headers[0].epoch = 1)],
  ['a missing header', sound, (r) => r['ordered'].headers.shift()],
  ['no certified header', sound, (r) => r['ordered'].headers.pop()],
  ['no header', sound, (r) => (r['ordered'].headers = [])],
  ['a commit less', sound, (r) => r['ordered'].commits.pop()],
  ['a commit more', sound, (r) => r['ordered'].commits.unshift({ ...r['ordered'].commits[0], replica: 0 })],
  ['one commit twice', sound, (r) => (r['ordered'].commits[1] = r['ordered'].commits[0])],
  ['commits in another order', sound, (r) => r['ordered'].commits.reverse()],
  ['a commit of no member', sound, (r) => (r['ordered'].commits[2].replica = 9)],
  ['a forged commit', sound, (r) => (r['ordered'].commits[0].signature = flip(r['ordered'].commits[0].signature))],
  ['a commit in the name of another', sound, (r) => (r['ordered'].commits[0].replica = 0)],
  ['a reply less', sound, (r) => r['replies'].pop()],
  ['a reply more', sound, (r) => r['replies'].push({ ...r['replies'][1], replica: 9 })],
  ['one reply twice', sound, (r) => (r['replies'][1] = r['replies'][0])],
  ['a forged reply', sound, (r) => (r['replies'][1].signature = flip(r['replies'][1].signature))],
  ['a commit that poses as a reply', sound, (r) => (r['replies'][1].signature = r['ordered'].commits[2].signature)],
  ['a releasing block that is missing', held, (r) => (r['released'] = null)],
  ['a releasing block that comes first', held, (r) => ([r['ordered'], r['released']] = [r['released'], r['ordered']])],
  ['another format', sound, (r) => (r['format'] = 'outvote-receipt/2')],
  ['an unknown field', sound, (r) => (r['comment'] = 'trust me')],
  ['an unknown field deep inside', sound, (r) => (r['ordered'].commits[0].comment = 'trust me')],
  ['a missing field', sound, (r) => delete r['replies']],
  ['upper-case digits', sound, (r) => (r['operation'].session = r['operation'].session.toUpperCase())],
  ['a negative number', sound, (r) => (r['operation'].index = -1)],
  ['a fraction', sound, (r) => (r['operation'].nonce = 4.5)],
  ['a string for a number', sound, (r) => (r['operation'].nonce = '4')],
  ['a null', sound, (r) => (r['operation'] = null)],
  ['a list', sound, (r) => (r['result'] = [])],
];

for (const [what, text, change] of TAMPERING) {
  test(`a receipt with ${what} is refused`, async () => {
    await verify(text);
    await assert.rejects(async () => verify(changed(text, change)), ReceiptError);
  });
}

test('a change that changes nothing leaves the receipt sound', async () => {
  await verify(changed(sound, () => undefined));
});

// Faults: M12
test('a counter beyond what JavaScript’s numbers hold is hashed to its last digit', async () => {
  await assert.rejects(verify(sound.replaceAll(COUNTER, String(2n ** 63n))), /do not follow|not proven|not the one/);
});

test('what is no receipt at all is refused', async () => {
  for (const text of ['null', '[]', '{}', '"receipt"', '7']) {
    await assert.rejects(async () => verify(text), ReceiptError);
  }
});
