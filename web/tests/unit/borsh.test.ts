import assert from 'node:assert/strict';
import test from 'node:test';
import { BorshError, Reader, Writer } from '../../src/lib/borsh.ts';
import { fromHex, toHex, utf8, wellFormed } from '../../src/lib/bytes.ts';

test('integers are little-endian and of fixed width', () => {
  const bytes = new Writer().u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0fn).bool(true).bytes();
  assert.equal(toHex(bytes), '0103020706050' + '40f0e0d0c0b0a090801');
});

test('strings, lists and options carry their length or their presence', () => {
  const bytes = new Writer()
    .string('é')
    .list([1, 2], (w, item) => w.u16(item))
    .option(7, (w, item) => w.u8(item))
    .option<number>(null, (w, item) => w.u8(item))
    .bytes();
  assert.equal(toHex(bytes), '02000000c3a9' + '0200000001000200' + '0107' + '00');
});

test('what is written is read back', () => {
  const bytes = new Writer().u64(2n ** 64n - 1n).string('lobby').blob(utf8('x')).bool(false).bytes();
  const reader = new Reader(bytes);
  assert.equal(reader.u64(), 2n ** 64n - 1n);
  assert.equal(reader.string(10), 'lobby');
  assert.deepEqual(reader.blob(10), utf8('x'));
  assert.equal(reader.bool(), false);
  reader.end();
});

test('numbers that do not fit are refused', () => {
  assert.throws(() => new Writer().u16(65_536), BorshError);
  assert.throws(() => new Writer().u64(-1n), BorshError);
  assert.throws(() => new Writer().fixed(new Uint8Array(31), 32), BorshError);
});

// Faults: M02, M04, M05, M07
test('lengths beyond their bound, early ends, odd booleans, bad UTF-8 and trailing bytes are refused', () => {
  assert.throws(() => new Reader(Uint8Array.of(255, 255, 255, 255)).blob(16), /exceeds its bound/);
  assert.throws(() => new Reader(Uint8Array.of(4, 0, 0, 0, 1)).blob(16), /too early/);
  assert.throws(() => new Reader(Uint8Array.of(2)).bool(), /no boolean/);
  assert.throws(() => new Reader(Uint8Array.of(1, 0, 0, 0, 0xff)).string(4), /not UTF-8/);
  assert.throws(() => new Reader(Uint8Array.of(1)).end(), /too many/);
});

test('a byte-order mark in a text is kept', () => {
  const text = '\ufefflobby';
  assert.equal(new Reader(new Writer().string(text).bytes()).string(64), text);
});

test('hexadecimal has one spelling', () => {
  assert.equal(toHex(fromHex('00ff10') ?? new Uint8Array()), '00ff10');
  for (const wrong of ['0', 'FF', 'zz', '0x00', ' 00']) {
    assert.equal(fromHex(wrong), null);
  }
});

// Faults: M07
test('a lone surrogate is replaced before it is signed', () => {
  assert.equal(wellFormed('a\ud800b'), 'a\ufffdb');
  assert.equal(wellFormed('😀'), '😀');
});
