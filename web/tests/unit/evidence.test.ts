import assert from 'node:assert/strict';
import test from 'node:test';
import { Writer } from '../../src/lib/borsh.ts';
import { fromHex, toHex, utf8 } from '../../src/lib/bytes.ts';
import { COMMIT_PHASE, PREPARE_PHASE, type Vote, voteDigest } from '../../src/lib/verify/bodies.ts';
import { digest } from '../../src/lib/verify/digest.ts';
import { checkEvidence } from '../../src/lib/verify/evidence.ts';
import { Kind } from '../../src/lib/verify/signing.ts';
import { makeCluster, sign } from '../support/cluster.ts';

const cluster = makeCluster('evidence');
const { committee } = cluster;

const vote = (block: string, change: Partial<Vote> = {}): Vote => ({
  phase: PREPARE_PHASE,
  view: 3n,
  sequence: 1201n,
  id: digest(utf8(block)),
  replica: 2,
  ...change,
});

function signedVote(writer: Writer, value: Vote, signer = value.replica): void {
  const kind = value.phase === PREPARE_PHASE ? Kind.Prepare : Kind.Commit;
  const { signature } = sign(cluster, kind, signer, voteDigest(value));
  writer.u8(value.phase).u64(value.view).u64(value.sequence).fixed(value.id, 32).u16(value.replica);
  writer.fixed(fromHex(signature) as Uint8Array, 64);
}

function votes(one: Vote, two: Vote, signer?: number): string {
  const writer = new Writer().u8(1);
  signedVote(writer, one, signer);
  signedVote(writer, two, signer);
  return toHex(writer.bytes());
}

/** The canonical bytes of a signed header, written out by hand. */
function signedHeader(time: bigint, leader = 2): Uint8Array {
  const body = new Writer()
    .u64(0n).u64(6n).u64(9n).fixed(digest(utf8('parent')), 32).u64(time).u16(leader)
    .list([1], (w) => w.u16(2).u64(4n).fixed(digest(utf8('batch')), 32).u32(1).u32(200))
    .fixed(digest(utf8('root')), 32).u8(0).u8(0)
    .bytes();
  const { signature } = sign(cluster, Kind.Header, leader, digest(body));
  return Uint8Array.from([...body, ...(fromHex(signature) as Uint8Array)]);
}

const headers = (...parts: Uint8Array[]) => toHex(Uint8Array.from([0, ...parts.flatMap((part) => [...part])]));

test('two proposals for one slot prove who made them', async () => {
  const check = await checkEvidence(headers(signedHeader(1n), signedHeader(2n)), committee);
  assert.deepEqual(check, { kind: 'proven', accused: 2, rule: 'two proposals for one slot', view: 6n, sequence: 9n });
});

test('two votes for one slot prove who gave them', async () => {
  for (const [phase, rule] of [[PREPARE_PHASE, /two PREPARE/], [COMMIT_PHASE, /two COMMIT/]] as const) {
    const check = await checkEvidence(votes(vote('a', { phase }), vote('b', { phase })), committee);
    assert.ok(check.kind === 'proven' && check.accused === 2);
    assert.match(check.rule, rule);
  }
});

test('what does not contradict itself proves nothing', async () => {
  const harmless = [
    votes(vote('a'), vote('a')),
    votes(vote('a'), vote('b', { view: 4n })),
    votes(vote('a'), vote('b', { sequence: 1202n })),
    votes(vote('a'), vote('b', { replica: 1 })),
    votes(vote('a'), vote('b', { phase: COMMIT_PHASE })),
    headers(signedHeader(1n), signedHeader(1n)),
    headers(signedHeader(1n), signedHeader(2n, 1)),
  ];
  for (const proof of harmless) {
    assert.equal((await checkEvidence(proof, committee)).kind, 'unproven');
  }
});

test('what the accused did not sign proves nothing', async () => {
  assert.equal((await checkEvidence(votes(vote('a'), vote('b'), 1), committee)).kind, 'unproven');
  const other = await checkEvidence(votes(vote('a'), vote('b')), makeCluster('other').committee);
  assert.deepEqual(other, { kind: 'unproven', why: 'a signature in it does not hold' });
});

test('bytes that are no evidence prove nothing, and other kinds are said to be unchecked', async () => {
  const sound = votes(vote('a'), vote('b'));
  for (const proof of ['', 'zz', '00', '01', sound.slice(0, -2), `${sound}00`]) {
    assert.equal((await checkEvidence(proof, committee)).kind, 'unproven', proof.slice(0, 8));
  }
  assert.equal((await checkEvidence('02', committee)).kind, 'unchecked');
});
