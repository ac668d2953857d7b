/** What the visitor asked for, from the click to the proven outcome. */

import { toHex } from '../lib/bytes.ts';
import { decodePost, encodeOperation, type Operation } from '../lib/chat/operations.ts';
import { field, type Replicas } from '../lib/replicas.ts';
import type { OwnKey } from '../lib/keys.ts';
import { backedNonce, Outbox } from '../lib/outbox.ts';
import { type SignedRequest, signRequest } from '../lib/request.ts';
import { type Outcome, submit } from '../lib/submit.ts';
import type { Committee } from '../lib/verify/committee.ts';
import type { Cluster } from './cluster.svelte.ts';

/** When an unanswered request is handed in again by itself: at first soon, then ever more rarely. */
const AGAIN_MS = [3_000, 6_000, 12_000, 30_000, 60_000];

export type SendingState = { kind: 'sending' } | Outcome;

export class Sending {
  readonly what: string;
  readonly room: string | null;
  readonly text: string;
  /** The newest message that its room showed when it was sent, if it is a post of this visit. */
  readonly after: number | null;
  state = $state.raw<SendingState>({ kind: 'sending' });
  request: SignedRequest | null = null;
  attempts = 0;
  timer: ReturnType<typeof setTimeout> | undefined;

  constructor(what: string, room: string | null, text: string, after: number | null = null) {
    this.what = what;
    this.room = room;
    this.text = text;
    this.after = after;
  }

  get isUnanswered(): boolean {
    return this.state.kind === 'sending';
  }
}

export class Sender {
  /** Everything that has no proven agreement yet, oldest first; refusals stay until they are dismissed. */
  waiting = $state.raw<Sending[]>([]);
  readonly #key: OwnKey;
  readonly #committee: Committee;
  readonly #replicas: Replicas;
  readonly #cluster: Cluster;
  readonly #outbox: Outbox;
  /** Requests are numbered in the order of the clicks. */
  #numbering: Promise<unknown> = Promise.resolve();
  readonly #onAgreed: (sending: Sending, outcome: Outcome & { kind: 'agreed' }) => void;

  constructor(
    key: OwnKey,
    committee: Committee,
    replicas: Replicas,
    cluster: Cluster,
    onAgreed: (sending: Sending, outcome: Outcome & { kind: 'agreed' }) => void,
  ) {
    this.#key = key;
    this.#committee = committee;
    this.#replicas = replicas;
    this.#cluster = cluster;
    this.#outbox = new Outbox(`${toHex(committee.cluster)}/${toHex(key.publicKey)}`);
    this.#onAgreed = onAgreed;
  }

  /** Finds the session's next nonce where this browser does not know it, and hands in again what was never answered. */
  async resume(): Promise<void> {
    if ((await this.#outbox.known()) === null) {
      const answers = await this.#replicas.getAll(`/api/v1/sessions/${toHex(this.#key.publicKey)}`);
      const stated = answers.map(({ json }) => Number(field(json, 'next_nonce') ?? 1)).filter(Number.isSafeInteger);
      await this.#outbox.advance(backedNonce(stated, this.#committee.f) ?? 1);
    }
    for (const entry of await this.#outbox.waiting()) {
      if (entry.bytes !== null && entry.digest !== null && entry.payload !== null) {
        const post = decodePost(entry.payload);
        const sending = new Sending(post === null ? 'Your last request' : '', post?.room ?? null, post?.text ?? '');
        sending.request = { nonce: BigInt(entry.nonce), digest: entry.digest, payload: entry.payload, bytes: entry.bytes };
        this.waiting = [...this.waiting, sending];
        void this.#handIn(sending);
      }
    }
  }

  /** Signs and hands in; resolves with the outcome of the first attempt. A post comes `after` what its room shows. */
  async send(operation: Operation, what: string, after: number | null = null): Promise<SendingState> {
    const isPost = operation.kind === 'post';
    const sending = new Sending(what, isPost ? operation.room : null, isPost ? operation.text : '', after);
    this.waiting = [...this.waiting, sending];
    const numbered = this.#numbering.then(() => this.#sign(sending, encodeOperation(operation)));
    this.#numbering = numbered.catch(() => undefined);
    try {
      await numbered;
      return await this.#handIn(sending);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      sending.state = { kind: 'pending', why: `it was not handed in: ${why}` };
      return sending.state;
    }
  }

  /** The same bytes once more: never executed twice. */
  again(sending: Sending): void {
    if (sending.state.kind !== 'sending' && sending.request !== null) {
      void this.#handIn(sending);
    }
  }

  /** Takes it off the page. What has no outcome yet is not asked for any more; its nonce is free for the next request. */
  dismiss(sending: Sending): void {
    clearTimeout(sending.timer);
    if (sending.request !== null && (sending.state.kind === 'pending' || sending.state.kind === 'unproven')) {
      void this.#outbox.drop(Number(sending.request.nonce));
    }
    this.waiting = this.waiting.filter((other) => other !== sending);
  }

  async #sign(sending: Sending, payload: Uint8Array): Promise<void> {
    const nonce = await this.#outbox.reserve(Date.now());
    if (nonce === null) {
      throw new Error('too many of your requests wait already');
    }
    const request = await signRequest(this.#key, this.#committee.clientDomain, BigInt(nonce), payload);
    await this.#outbox.keep({ nonce, reservedAtMs: Date.now(), bytes: request.bytes, digest: request.digest, payload });
    sending.request = request;
  }

  async #handIn(sending: Sending): Promise<SendingState> {
    const { request } = sending;
    if (request === null) {
      return sending.state;
    }
    clearTimeout(sending.timer);
    sending.state = { kind: 'sending' };
    const { outcome, liars } = await submit(this.#replicas, this.#committee, this.#key.publicKey, request);
    sending.state = outcome;
    for (const liar of liars) {
      this.#cluster.catchLiar(liar.replica, `it answered a request of yours without a proof that holds: ${liar.why}`);
    }
    if (outcome.kind === 'agreed' || outcome.kind === 'rejected') {
      await this.#settle(request, outcome);
      if (outcome.kind === 'agreed') {
        this.dismiss(sending);
        this.#onAgreed(sending, outcome);
      }
    } else {
      const wait = AGAIN_MS[Math.min(sending.attempts, AGAIN_MS.length - 1)];
      sending.attempts += 1;
      sending.timer = setTimeout(() => this.again(sending), wait);
    }
    return outcome;
  }

  /** The outcome is proven: the nonce is used up, unless the proof says that it was never reached. */
  async #settle(request: SignedRequest, outcome: Outcome & { kind: 'agreed' | 'rejected' }): Promise<void> {
    if (outcome.verdict.kind !== 'too-far') {
      await this.#outbox.advance(Number(request.nonce) + 1);
    }
    await this.#outbox.drop(Number(request.nonce));
  }
}
