/**
 * The session's nonces, and the signed requests whose outcome is not known yet. A request is kept with its very bytes:
 * asking again with the same bytes never executes twice.
 */

import { transact } from './database.ts';

/** A nonce that was taken for a request which was never signed (the tab closed) is free again after this. */
const RESERVATION_MS = 30_000;
/** Replicas hold requests only this far ahead of the next nonce. */
const WINDOW = 64;

export type OutboxEntry = {
  nonce: number;
  reservedAtMs: number;
  /** The request, once it is signed. */
  bytes: Uint8Array | null;
  digest: Uint8Array | null;
  payload: Uint8Array | null;
};

/** The first nonce that nothing else holds, from `next` on; `null` if too many wait. */
export function freeNonce(next: number, entries: readonly OutboxEntry[], nowMs: number): number | null {
  const taken = new Set(
    entries
      .filter((entry) => entry.bytes !== null || nowMs - entry.reservedAtMs < RESERVATION_MS)
      .map((entry) => entry.nonce),
  );
  for (let nonce = next; nonce < next + WINDOW; nonce += 1) {
    if (!taken.has(nonce)) {
      return nonce;
    }
  }
  return null;
}

/** The next nonce, if this many of the replicas' statements may be lies: the highest that one honest replica backs. */
export function backedNonce(stated: readonly number[], liars: number): number | null {
  return [...stated].sort((a, b) => b - a)[liars] ?? null;
}

export class Outbox {
  readonly #session: string;

  constructor(session: string) {
    this.#session = session;
  }

  #range(): IDBKeyRange {
    return IDBKeyRange.bound([this.#session, 0], [this.#session, Number.MAX_SAFE_INTEGER]);
  }

  /** The next nonce as this browser knows it; `null` before the first request. */
  async known(): Promise<number | null> {
    const next = await transact(['sessions'], 'readonly', (store, wait) =>
      wait<number | undefined>(store('sessions').get(this.#session)),
    );
    return next ?? null;
  }

  /** Every nonce below `next` is executed. */
  async advance(next: number): Promise<void> {
    await transact(['sessions', 'outbox'], 'readwrite', async (store, wait) => {
      const known = await wait<number | undefined>(store('sessions').get(this.#session));
      if (known === undefined || next > known) {
        await wait(store('sessions').put(next, this.#session));
      }
    });
  }

  async reserve(nowMs: number): Promise<number | null> {
    return transact(['sessions', 'outbox'], 'readwrite', async (store, wait) => {
      const next = (await wait<number | undefined>(store('sessions').get(this.#session))) ?? 1;
      const entries = await wait<OutboxEntry[]>(store('outbox').getAll(this.#range()));
      const nonce = freeNonce(next, entries, nowMs);
      if (nonce !== null) {
        const entry: OutboxEntry = { nonce, reservedAtMs: nowMs, bytes: null, digest: null, payload: null };
        await wait(store('outbox').put(entry, [this.#session, nonce]));
      }
      return nonce;
    });
  }

  async keep(entry: OutboxEntry): Promise<void> {
    await transact(['outbox'], 'readwrite', (store, wait) => wait(store('outbox').put(entry, [this.#session, entry.nonce])));
  }

  async drop(nonce: number): Promise<void> {
    await transact(['outbox'], 'readwrite', (store, wait) => wait(store('outbox').delete([this.#session, nonce])));
  }

  /** What was signed and never answered, oldest first. */
  async waiting(): Promise<OutboxEntry[]> {
    const entries = await transact(['outbox'], 'readonly', (store, wait) =>
      wait<OutboxEntry[]>(store('outbox').getAll(this.#range())),
    );
    return entries.filter((entry) => entry.bytes !== null);
  }
}
