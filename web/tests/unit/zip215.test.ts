/** Every edge of Ed25519, with the verdicts that the replicas give: rule M6. The same file is read by the replicas' own tests. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fromHex } from '../../src/lib/bytes.ts';
import { isValid, isValidZip215 } from '../../src/lib/verify/ed25519.ts';

interface Vector {
  about: string;
  key: string;
  message: string;
  signature: string;
  valid: boolean;
}

const vectors: Vector[] = JSON.parse(readFileSync('../crates/crypto/tests/vectors/zip215.json', 'utf8'));

const parts = ({ key, message, signature }: Vector) => [key, message, signature].map((hex) => fromHex(hex) as Uint8Array) as [Uint8Array, Uint8Array, Uint8Array];

// Faults: R09
test('the page gives every vector the verdict of the replicas, at first and when it is remembered', async () => {
  assert.ok(vectors.length > 400);
  for (const vector of vectors) {
    const [key, message, signature] = parts(vector);
    assert.equal(isValidZip215(key, message, signature), vector.valid, vector.about);
    assert.equal(await isValid(key, message, signature), vector.valid, vector.about);
    assert.equal(await isValid(key, message, signature), vector.valid, `${vector.about}, again`);
  }
});

// Faults: R09
test('the native verification says yes to nothing that the replicas refuse: only its yes is taken', async () => {
  let refused = 0;
  for (const vector of vectors) {
    const [key, message, signature] = parts(vector);
    const imported = await crypto.subtle.importKey('raw', key.slice(), 'Ed25519', false, ['verify']).catch(() => null);
    const holds = imported !== null && (await crypto.subtle.verify('Ed25519', imported, signature.slice(), message.slice()).catch(() => false));
    assert.ok(!holds || vector.valid, vector.about);
    refused += !holds && vector.valid ? 1 : 0;
  }
  assert.ok(refused > 0, 'if it agreed everywhere, the second opinion would be needless');
});
