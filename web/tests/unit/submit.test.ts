import assert from 'node:assert/strict';
import test from 'node:test';
import * as ed25519 from '@noble/ed25519';
import { fromHex, toHex, utf8 } from '../../src/lib/bytes.ts';
import { anchor, committeeIn, trust } from '../../src/lib/anchor.ts';
import { parseJson } from '../../src/lib/json.ts';
import { backed } from '../../src/lib/names.ts';
import { backedNonce, freeNonce, type OutboxEntry } from '../../src/lib/outbox.ts';
import { otherLoopback, Refusal, Replicas, Unreachable } from '../../src/lib/replicas.ts';
import { requestBody, signRequest } from '../../src/lib/request.ts';
import { submit } from '../../src/lib/submit.ts';
import { digest } from '../../src/lib/verify/digest.ts';
import { isValidZip215 } from '../../src/lib/verify/ed25519.ts';
import type { Answer } from '../../src/lib/verify/format.ts';
import { Kind, signingBytes } from '../../src/lib/verify/signing.ts';
import { makeCluster, makeReceipt, write } from '../support/cluster.ts';

const cluster = makeCluster('submit');
const { committee } = cluster;
const secret = new Uint8Array(32).fill(3);
const signer = {
  publicKey: ed25519.getPublicKey(secret),
  sign: (bytes: Uint8Array) => Promise.resolve(ed25519.sign(bytes, secret)),
};
const session = signer.publicKey;
const request = await signRequest(signer, committee.clientDomain, 1n, utf8('payload'));
const PATIENCE_MS = 400;

type Gateway = (init: RequestInit) => Promise<string> | string;

/** Replicas whose gateways answer like this. */
function replicas(gateways: Gateway[]): { replicas: Replicas; asked: string[] } {
  const asked: string[] = [];
  const origins = gateways.map((_, id) => ({ id, url: `http://127.0.0.1:${4000 + id}` }));
  const answer = async (url: string, init: RequestInit) => {
    const id = Number(new URL(url).port) - 4000;
    asked.push(`${id} ${String(init.body)}`);
    return new Response(await (gateways[id] as Gateway)(init));
  };
  return { replicas: new Replicas(origins, answer), asked };
}

function receipt(answer: Answer, of = cluster, wanted = request, kind: 'applied' | 'refused' = 'applied'): string {
  const operation = {
    session,
    nonce: wanted.nonce,
    index: 0,
    request: wanted.digest,
    author: session,
    query: false,
    payload: wanted.payload,
  };
  return makeReceipt(of, { operation, answer, kind });
}

const done = { done: utf8('done') };
const committed = (proof: string) => `{"outcome":"committed","sequence":12,"answer":{},"receipt":${proof}}`;
const dead: Gateway = () => Promise.reject(new Error('refused'));
const mute: Gateway = (init) => new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('late'))));

// Faults: K15
test('a request is signed over domain, kind and digest of its body', async () => {
  const body = requestBody(session, 1n, utf8('payload'));
  assert.equal(toHex(body), `${toHex(session)}0100000000000000010000000000070000007061796c6f6164`);
  assert.equal(toHex(request.digest), toHex(digest(body)));
  const bytes = signingBytes(committee.clientDomain, Kind.Request, request.digest);
  assert.ok(isValidZip215(session, bytes, request.bytes.slice(-64)));
});

test('a proven outcome ends the wait', async () => {
  const { replicas: all, asked } = replicas([() => committed(receipt(done)), dead, dead, dead]);
  const { outcome, liars } = await submit(all, committee, session, request, PATIENCE_MS);
  assert.equal(outcome.kind, 'agreed');
  assert.deepEqual(liars, []);
  assert.equal(asked.length, 1);
});

test('a proven refusal comes with its reason', async () => {
  const answer = { refused: { code: 'not-a-member', message: 'you are no member' } };
  const proof = receipt(answer, cluster, request, 'refused');
  const { replicas: all } = replicas([() => `{"outcome":"rejected","code":"x","reason":"y","receipt":${proof}}`]);
  const { outcome } = await submit(all, committee, session, request, PATIENCE_MS);
  assert.equal(outcome.kind === 'rejected' && outcome.reason, 'you are no member');
});

// Faults: R20
test('a forged receipt is not believed, whatever the gateway says', async () => {
  const forged = committed(receipt(done, makeCluster('forger')));
  const { replicas: all } = replicas([() => forged, dead, dead, dead]);
  const { outcome, liars } = await submit(all, committee, session, request, PATIENCE_MS);
  assert.equal(outcome.kind, 'unproven');
  assert.deepEqual(liars.map((liar) => liar.replica), [0]);
});

test('a sound receipt of another operation is not believed', async () => {
  const other = await signRequest(signer, committee.clientDomain, 2n, utf8('payload'));
  const { replicas: all } = replicas([() => committed(receipt(done, cluster, other))]);
  assert.equal((await submit(all, committee, session, request, PATIENCE_MS)).outcome.kind, 'unproven');
});

test('an outcome without a receipt is not believed, and whoever states it is no liar for that', async () => {
  for (const answer of ['{"outcome":"rejected","code":"no","reason":"because"}', '{"outcome":"committed","receipt":null}']) {
    const { replicas: all } = replicas([() => answer]);
    const { outcome, liars } = await submit(all, committee, session, request, PATIENCE_MS);
    assert.equal(outcome.kind, 'pending');
    assert.deepEqual(liars, []);
  }
});

// Faults: R20
test('when a gateway lies the next one is asked with the same bytes, and the liar is named', async () => {
  const forged = committed(receipt(done, makeCluster('forger')));
  const { replicas: all, asked } = replicas([() => forged, () => committed(receipt(done)), dead, dead]);
  const { outcome, liars } = await submit(all, committee, session, request, PATIENCE_MS);
  assert.equal(outcome.kind, 'agreed');
  assert.deepEqual(liars.map((liar) => liar.replica), [0]);
  assert.equal(new Set(asked.map((line) => line.slice(2))).size, 1);
});

test('when a gateway stalls the others are asked after half the patience', async () => {
  const { replicas: all } = replicas([mute, dead, () => committed(receipt(done)), mute]);
  const started = Date.now();
  const { outcome } = await submit(all, committee, session, request, PATIENCE_MS);
  assert.equal(outcome.kind, 'agreed');
  assert.ok(Date.now() - started >= PATIENCE_MS / 2 - 5);
});

test('when nobody answers, the outcome is pending and never a guess', async () => {
  for (const gateways of [[mute, mute, mute, mute], [dead, dead], [() => '{"outcome":"pending"}'], [() => 'no JSON']]) {
    const { replicas: all } = replicas(gateways);
    assert.equal((await submit(all, committee, session, request, PATIENCE_MS)).outcome.kind, 'pending');
  }
});

test('a replica found silent is asked last, a refusal counts only if nobody has an answer, and a 503 is none', async () => {
  const origins = [0, 1, 2].map((id) => ({ id, url: `http://127.0.0.1:${4000 + id}` }));
  const all = new Replicas(origins, (url) => {
    const id = Number(new URL(url).port) - 4000;
    const status = [503, 200, 404][id] ?? 500;
    return Promise.resolve(new Response('{"error":{"code":"c","message":"m","hint":"h"}}', { status }));
  });
  assert.equal((await all.get('/x')).origin.id, 1);
  all.mark({ id: 1, url: '' }, false);
  assert.deepEqual(all.order().map((origin) => origin.id), [0, 2, 1]);
  assert.equal((await all.get('/x')).origin.id, 1);
  const others = all.order().filter((origin) => origin.id !== 1);
  await assert.rejects(all.get('/x', others), (error: unknown) => error instanceof Refusal && error.status === 404 && error.message === 'm; h');
  await assert.rejects(all.getFrom({ id: 0, url: 'http://127.0.0.1:4000' }, '/x'), Refusal);
  const none = new Replicas(origins, () => Promise.reject(new Error('refused')));
  await assert.rejects(none.get('/x'), Unreachable);
});

const entry = (nonce: number, isSigned: boolean, reservedAtMs = 0): OutboxEntry => {
  const bytes = isSigned ? new Uint8Array(1) : null;
  return { nonce, reservedAtMs, bytes, digest: bytes, payload: bytes };
};

test('nonces leave no gap: what a closed tab only reserved is used again', () => {
  assert.equal(freeNonce(1, [], 0), 1);
  assert.equal(freeNonce(3, [entry(3, true), entry(4, true)], 0), 5);
  assert.equal(freeNonce(3, [entry(3, false), entry(4, true)], 1_000), 5);
  assert.equal(freeNonce(3, [entry(3, false), entry(4, true)], 60_000), 3);
  const full = Array.from({ length: 64 }, (_, at) => entry(at + 1, true));
  assert.equal(freeNonce(1, full, 0), null);
});

test('a nonce or a name is believed when more replicas state it than can lie', () => {
  assert.equal(backedNonce([900, 7, 7, 6], 1), 7);
  assert.equal(backedNonce([7], 1), null);
  assert.equal(backed(['ada', 'eve', 'ada'], 2), 'ada');
  assert.equal(backed(['ada', 'eve'], 2), null);
});

function store() {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  };
}

const shown = (of: typeof cluster, more: Record<string, unknown> = {}) =>
  parseJson(write({ committee: toHex(of.bytes), cluster: toHex(of.committee.cluster), me: 0, ...more }));

test('the committee of the first visit is pinned, and another one is an alarm until it is trusted', () => {
  const pinned = store();
  const other = makeCluster('usurper');
  assert.equal(anchor(shown(cluster), pinned).kind, 'pinned');
  const again = anchor(shown(cluster), pinned);
  assert.ok(again.kind === 'pinned' && !again.isNew);
  assert.equal(anchor(shown(other), pinned).kind, 'changed');
  assert.equal(anchor(shown(cluster), pinned).kind, 'pinned');
  trust(shown(other), pinned);
  assert.equal(anchor(shown(other), pinned).kind, 'pinned');
  assert.equal(anchor(shown(cluster), pinned).kind, 'changed');
});

test('a replica whose words about its committee contradict it is refused', () => {
  const wrong = 'ab'.repeat(32);
  for (const name of ['cluster', 'client_domain', 'replica_domain']) {
    assert.throws(() => committeeIn(shown(cluster, { [name]: wrong })), /does not belong/);
  }
  assert.throws(() => committeeIn(parseJson('{}')), /no committee/);
  assert.throws(() => committeeIn(parseJson(`{"committee":"${toHex(cluster.bytes)}00"}`)), /too many/);
  assert.throws(() => makeCluster('small', 3), /cannot outvote/);
});

// Faults: O03
test('a committee with two equal keys, or with a key of small order, is refused', () => {
  const hex = toHex(cluster.bytes);
  const members = hex.slice(-4 * 128);
  const doubled = hex.slice(0, -4 * 128) + members.slice(0, 128).repeat(4);
  assert.throws(() => committeeIn(parseJson(`{"committee":"${doubled}"}`)), /share a key/);
  const weak = hex.slice(0, -64) + `01${'00'.repeat(31)}`;
  assert.ok(fromHex(weak) !== null);
  assert.throws(() => committeeIn(parseJson(`{"committee":"${weak}"}`)), /not usable/);
});

test('a visitor is sent to the replica’s own address only if it is another name of the same machine', () => {
  const own = 'http://127.0.0.1:4000';
  assert.equal(otherLoopback('http://localhost:4000/#lobby', own), 'http://127.0.0.1:4000/#lobby');
  for (const [here, there] of [
    ['http://127.0.0.1:4000/', own],
    ['http://localhost:5000/', own],
    ['http://192.0.2.7:4000/', own],
    ['http://localhost:4000/', 'http://evil.example:4000'],
    ['https://localhost:4000/', own],
    ['http://localhost:4000/', 'nonsense'],
  ] as const) {
    assert.equal(otherLoopback(here, there), null, `${here} ${there}`);
  }
});
