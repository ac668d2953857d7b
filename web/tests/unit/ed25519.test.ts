import assert from 'node:assert/strict';
import test from 'node:test';
import * as ed25519 from '@noble/ed25519';
import { concat, fromHex, utf8 } from '../../src/lib/bytes.ts';
import { isUsableMemberKey, isValid, isValidZip215 } from '../../src/lib/verify/ed25519.ts';

/** All encodings of the eight small-order points, canonical and not: the points of the ZIP-215 test vectors. */
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
].map((hex) => fromHex(hex) as Uint8Array);

const ZERO = new Uint8Array(32);

// Faults: R09
test('every pair of small-order key and nonce point is accepted with s = 0, as ZIP-215 has it', async () => {
  for (const key of SMALL_ORDER) {
    for (const point of SMALL_ORDER) {
      const signature = concat(point, ZERO);
      assert.equal(isValidZip215(key, utf8('Zcash'), signature), true);
      assert.equal(await isValid(key, utf8('Zcash'), signature), true);
    }
  }
});

test('the native verification refuses some of them: its no must not decide', async () => {
  let refused = 0;
  for (const key of SMALL_ORDER) {
    const imported = await crypto.subtle.importKey('raw', key.slice(), 'Ed25519', false, ['verify']).catch(() => null);
    const signature = concat(SMALL_ORDER[10] as Uint8Array, ZERO);
    const holds =
      imported !== null && (await crypto.subtle.verify('Ed25519', imported, signature.slice(), utf8('Zcash').slice()).catch(() => false));
    refused += holds ? 0 : 1;
  }
  assert.ok(refused > 0);
});

test('an honest signature holds, and with any bit flipped it does not', async () => {
  const secret = new Uint8Array(32).fill(7);
  const key = ed25519.getPublicKey(secret);
  const bytes = utf8('slot 1');
  const signature = ed25519.sign(bytes, secret);
  assert.equal(await isValid(key, bytes, signature), true);
  for (const at of [0, 31, 32, 63]) {
    const broken = signature.slice();
    broken[at] = (broken[at] ?? 0) ^ 1;
    assert.equal(await isValid(key, bytes, broken), false);
  }
  assert.equal(await isValid(key, utf8('slot 2'), signature), false);
});

// Faults: R09
test('a signature whose s is not reduced is refused', async () => {
  const secret = new Uint8Array(32).fill(9);
  const bytes = utf8('slot 1');
  const signature = ed25519.sign(bytes, secret);
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = signature.slice(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) + order;
  const lifted = signature.slice();
  for (let at = 0; at < 32; at += 1) {
    lifted[32 + at] = Number((s >> BigInt(8 * at)) & 0xffn);
  }
  assert.equal(await isValid(ed25519.getPublicKey(secret), bytes, lifted), false);
});

// Faults: X16
test('keys and signatures of a wrong length, and keys off the curve, are refused and throw nothing', async () => {
  assert.equal(await isValid(new Uint8Array(31), utf8('x'), new Uint8Array(64)), false);
  assert.equal(await isValid(new Uint8Array(32), utf8('x'), new Uint8Array(63)), false);
  const off = new Uint8Array(32);
  off[0] = 2;
  assert.equal(await isValid(off, utf8('x'), new Uint8Array(64)), false);
});

// Faults: R09
test('small-order, mixed-order and non-canonical keys cannot be a member’s', () => {
  for (const key of SMALL_ORDER) {
    assert.equal(isUsableMemberKey(key), false);
  }
  const own = ed25519.getPublicKey(new Uint8Array(32).fill(1));
  assert.equal(isUsableMemberKey(own), true);
  const torsion = ed25519.Point.fromBytes(SMALL_ORDER[10] as Uint8Array, true);
  assert.equal(isUsableMemberKey(ed25519.Point.fromBytes(own).add(torsion).toBytes()), false);
});
