import assert from 'node:assert/strict';
import test from 'node:test';
import { areEqual, toHex, utf8 } from '../../src/lib/bytes.ts';
import { digest, leaf, walk } from '../../src/lib/verify/digest.ts';
import { clientDomain, Kind, replicaDomain, signingBytes } from '../../src/lib/verify/signing.ts';
import { path, root } from '../support/cluster.ts';

test('a digest is SHA-256 of the concatenation', () => {
  assert.equal(toHex(digest(utf8('a'), utf8('bc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('leaves and nodes are hashed under different first bytes', () => {
  const [a, b] = [leaf(utf8('a')), leaf(utf8('b'))];
  assert.equal(toHex(a), '022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c');
  const inner = root([a, b]);
  assert.notEqual(toHex(inner), toHex(digest(a, b)));
  assert.notEqual(toHex(inner), toHex(leaf(new Uint8Array([...a, ...b]))));
});

test('every path of every tree leads to its root, and from another leaf it does not', () => {
  for (let count = 1; count <= 17; count += 1) {
    const leaves = Array.from({ length: count }, (_, at) => leaf(utf8(`${count} ${at}`)));
    for (let at = 0; at < count; at += 1) {
      assert.ok(areEqual(walk(leaves[at] as Uint8Array, path(leaves, at)), root(leaves)));
      assert.ok(!areEqual(walk(leaf(utf8('another')), path(leaves, at)), root(leaves)));
    }
  }
});

// Faults: R07
test('a signature is bound to cluster, epoch, configuration and kind', () => {
  const [one, two] = [digest(utf8('1')), digest(utf8('2'))];
  const domains = [
    replicaDomain(one, 0n, one),
    replicaDomain(two, 0n, one),
    replicaDomain(one, 1n, one),
    replicaDomain(one, 0n, two),
    clientDomain(one),
  ];
  assert.equal(new Set(domains.map(toHex)).size, domains.length);
  const bytes = signingBytes(one, Kind.Reply, two);
  assert.equal(bytes.length, 65);
  assert.equal(bytes[32], 12);
});

test('the clients’ domain has epoch 0 and no configuration', () => {
  const cluster = digest(utf8('cluster'));
  const zeroes = new Uint8Array(40);
  assert.equal(toHex(clientDomain(cluster)), toHex(digest(utf8('outvote/v1'), cluster, zeroes)));
});
