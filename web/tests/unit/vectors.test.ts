/** The published example receipts, which another program in another language signed. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Writer } from '../../src/lib/borsh.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { parseJson } from '../../src/lib/json.ts';
import { type Committee, decodeCommittee } from '../../src/lib/verify/committee.ts';
import { ReceiptError } from '../../src/lib/verify/format.ts';
import { verifyReceipt } from '../../src/lib/verify/receipt.ts';

const read = (name: string) => readFileSync(`../docs/${name}`, 'utf8');

/** The canonical committee of the example's committee file. */
function exampleCommittee(): { committee: Committee; cluster: string } {
  const text = read('receipt-example-committee.toml');
  const all = (key: string) => [...text.matchAll(new RegExp(`^${key} = "?([^"\\n]*)"?$`, 'gm'))].map((match) => match[1] ?? '');
  const key = (name: string, at = 0) => fromHex(all(name)[at] ?? '') ?? new Uint8Array();
  const bytes = new Writer()
    .fixed(key('genesis_salt'), 32)
    .u64(BigInt(all('epoch')[0] ?? ''))
    .u8(all('mode')[0] === 'byzantine' ? 0 : 1)
    .bool(all('demo')[0] === 'true')
    .u64(BigInt(all('checkpoint_interval')[0] ?? ''))
    .u64(BigInt(all('checkpoint_bytes')[0] ?? ''))
    .u64(BigInt(all('tenure_blocks')[0] ?? ''))
    .u64(BigInt(all('tenure_ms')[0] ?? ''))
    .list(all('consensus_key'), (writer, _) => writer)
    .bytes();
  const members = all('consensus_key').flatMap((_, at) => [...key('consensus_key', at), ...key('link_key', at)]);
  return { committee: decodeCommittee(Uint8Array.from([...bytes, ...members])), cluster: all('cluster')[0] ?? '' };
}

const { committee, cluster } = exampleCommittee();

test('the cluster’s name is the digest of its committee', () => {
  assert.equal(toHex(committee.cluster), cluster);
});

test('the example receipt holds', async () => {
  const verdict = await verifyReceipt(parseJson(read('receipt-example.json')), committee);
  assert.equal(verdict.kind, 'applied');
  assert.equal(new TextDecoder().decode(verdict.payload), 'four replicas, one liar');
});

test('the example receipt of a held operation holds', async () => {
  const verdict = await verifyReceipt(parseJson(read('receipt-example-released.json')), committee);
  assert.ok(verdict.sequence > verdict.ordered);
});

test('no digit of an example can be changed', async () => {
  for (const name of ['receipt-example.json', 'receipt-example-released.json']) {
    const text = read(name);
    const digits = [...text.matchAll(/"[0-9a-f]{16,}"|: \d+/g)];
    assert.ok(digits.length > 20);
    for (const { 0: value, index } of digits) {
      const at = index + value.length - 2;
      const other = text.charAt(at) === '1' ? '2' : '1';
      const broken = /[0-9a-f]/.test(text.charAt(at)) ? text.slice(0, at) + other + text.slice(at + 1) : null;
      if (broken !== null) {
        await assert.rejects(async () => verifyReceipt(parseJson(broken), committee), ReceiptError, `${name} at ${at}`);
      }
    }
  }
});
