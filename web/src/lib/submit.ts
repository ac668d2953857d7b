/**
 * Handing in a request. A gateway's word counts for nothing without a receipt that holds; when one stalls or lies, the
 * others are asked with the same bytes.
 */

import { areEqual, toHex } from './bytes.ts';
import type { Json } from './json.ts';
import { field, type Origin, Refusal, type Replicas } from './replicas.ts';
import type { SignedRequest } from './request.ts';
import type { Committee } from './verify/committee.ts';
import { ReceiptError } from './verify/format.ts';
import { type Verdict, verifyReceipt } from './verify/receipt.ts';

/** How long a request may take before it is called pending; after half of it, everybody is asked. */
export const PATIENCE_MS = 12_000;

export type Outcome =
  | { kind: 'agreed'; verdict: Verdict; receipt: Json }
  | { kind: 'rejected'; code: string; reason: string; verdict: Verdict; receipt: Json }
  /** Nobody proved an outcome in time; `why` is the last thing heard. */
  | { kind: 'pending'; why: string }
  /** A gateway claimed an outcome and its proof does not hold, and nobody proved another one. */
  | { kind: 'unproven'; claimed: string; why: string };

export type Report = { outcome: Outcome; liars: { replica: number; why: string }[] };

type Heard = { proven: Outcome } | { claimed: string; why: string } | { pending: string };

/** What one gateway's answer is worth. */
async function judge(json: Json, request: SignedRequest, session: Uint8Array, committee: Committee): Promise<Heard> {
  const claimed = String(field(json, 'outcome'));
  const receipt = field(json, 'receipt');
  if (claimed === 'pending' || (claimed !== 'committed' && claimed !== 'rejected')) {
    return { pending: 'the replicas have not agreed yet' };
  }
  if (receipt === undefined || receipt === null) {
    // No lie yet: the proof may take longer than the agreement. No reason to believe it either.
    const reason = field(json, 'reason');
    const words = typeof reason === 'string' ? `${claimed}: ${reason}` : claimed;
    return { pending: `a replica says “${words}”, and no proof of it came yet` };
  }
  try {
    const verdict = await verifyReceipt(receipt, committee);
    const isMine =
      areEqual(verdict.session, session) &&
      areEqual(verdict.request, request.digest) &&
      areEqual(verdict.payload, request.payload) &&
      verdict.nonce === request.nonce;
    return isMine ? proven(verdict, receipt) : { claimed, why: 'the proof is about another operation' };
  } catch (error) {
    if (error instanceof ReceiptError) {
      return { claimed, why: error.message };
    }
    throw error;
  }
}

function proven(verdict: Verdict, receipt: Json): Heard {
  if (verdict.kind === 'held') {
    return { pending: 'it waits for an earlier one of yours' };
  }
  if (verdict.kind === 'duplicate') {
    return { pending: 'it was executed before; its proof has not arrived' };
  }
  if ('refused' in verdict.answer) {
    const { code, message } = verdict.answer.refused;
    return { proven: { kind: 'rejected', code, reason: message, verdict, receipt } };
  }
  return verdict.kind === 'applied'
    ? { proven: { kind: 'agreed', verdict, receipt } }
    : { proven: { kind: 'rejected', code: verdict.kind, reason: 'the nonce was not usable', verdict, receipt } };
}

/** Hands the request in and waits for a proven outcome, at most `patienceMs`. */
export async function submit(
  replicas: Replicas,
  committee: Committee,
  session: Uint8Array,
  request: SignedRequest,
  patienceMs = PATIENCE_MS,
): Promise<Report> {
  const liars: Report['liars'] = [];
  let last: Outcome = { kind: 'pending', why: 'no replica answered in time' };
  let finish: (outcome: Outcome) => void = () => undefined;
  const finished = new Promise<Outcome>((resolve) => {
    finish = resolve;
  });
  const body = { request: toHex(request.bytes) };

  const handIn = async (origin: Origin): Promise<boolean> => {
    try {
      const json = await replicas.post(origin, '/api/v1/submit', body, patienceMs);
      const heard = await judge(json, request, session, committee);
      if ('proven' in heard) {
        finish(heard.proven);
        return true;
      }
      if ('pending' in heard) {
        last = last.kind === 'unproven' ? last : { kind: 'pending', why: heard.pending };
      } else {
        liars.push({ replica: origin.id, why: heard.why });
        last = { kind: 'unproven', claimed: heard.claimed, why: heard.why };
      }
    } catch (error) {
      const isRefusal = error instanceof Refusal && last.kind === 'pending';
      last = isRefusal ? { kind: 'pending', why: `replica ${origin.id}: ${error.message}` } : last;
    }
    return false;
  };

  const [own, ...others] = replicas.order();
  const first = own === undefined ? Promise.resolve(false) : handIn(own);
  const half = delay(patienceMs / 2);
  // Everybody else is asked after half the patience, or as soon as the first one has nothing proven to say.
  const rest = Promise.race([first, half.over]).then(async (isDone) => {
    const everybody = isDone === true ? [first] : [first, ...others.map(handIn)];
    // Somebody's proof ends the race at once; the rest of the answers are not worth a wait then.
    const isProven = (await Promise.all(everybody)).includes(true);
    return isProven ? finished : null;
  });
  const deadline = delay(patienceMs);
  const outcome = await Promise.race([finished, rest, deadline.over]);
  half.cancel();
  deadline.cancel();
  return { outcome: outcome ?? last, liars };
}

function delay(ms: number): { over: Promise<undefined>; cancel(): void } {
  let timer: ReturnType<typeof setTimeout>;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return { over, cancel: () => clearTimeout(timer) };
}
