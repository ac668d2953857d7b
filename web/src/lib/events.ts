/** Live updates over server-sent events, from one replica, and from another one while that one does not answer. */

import type { Origin } from './replicas.ts';

/** How long a connection may take to open before the next replica is tried. */
const OPEN_MS = 3_000;
/** Between two attempts, so that a page without any replica stays quiet. */
const RETRY_MS = 1_000;
/** How often the page's own replica is tried again while another one serves. */
const RETURN_MS = 5_000;

export type Feed = {
  message: (data: string) => void;
  status: (data: string) => void;
  evidence: (data: string) => void;
  /** A connection stands, to this replica; whatever came meanwhile must be caught up. */
  open: (origin: Origin) => void;
  /** None stands. */
  lost: (origin: Origin) => void;
};

export class Events {
  readonly #origins: Origin[];
  readonly #path: string;
  readonly #feed: Feed;
  #at = 0;
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(origins: Origin[], path: string, feed: Feed) {
    this.#origins = origins;
    this.#path = path;
    this.#feed = feed;
  }

  start(): void {
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  #connect(): void {
    const origin = this.#origins[this.#at];
    if (this.#isStopped || origin === undefined) {
      return;
    }
    const source = new EventSource(origin.url + this.#path);
    this.#source = source;
    const next = () => {
      // The browser's own retries stay with a dead replica; the next one has the same history.
      source.close();
      clearTimeout(this.#timer);
      this.#feed.lost(origin);
      this.#at = (this.#at + 1) % this.#origins.length;
      this.#timer = setTimeout(() => this.#connect(), this.#at === 0 ? RETRY_MS : 50);
    };
    this.#timer = setTimeout(next, OPEN_MS);
    source.onopen = () => {
      clearTimeout(this.#timer);
      this.#feed.open(origin);
      if (this.#at !== 0) {
        this.#timer = setTimeout(() => this.#tryToReturn(), RETURN_MS);
      }
    };
    source.onerror = next;
    for (const name of ['message', 'status', 'evidence'] as const) {
      source.addEventListener(name, (event) => this.#feed[name](String((event as MessageEvent).data)));
    }
  }

  /** Back to the page's own replica, once it answers; the other connection stands until then. */
  #tryToReturn(): void {
    const own = this.#origins[0];
    if (this.#isStopped || own === undefined) {
      return;
    }
    fetch(`${own.url}/readyz`, { cache: 'no-store', signal: AbortSignal.timeout(OPEN_MS) }).then(
      (response) => {
        if (response.ok) {
          this.#source?.close();
          this.#at = 0;
          this.#connect();
        } else {
          this.#timer = setTimeout(() => this.#tryToReturn(), RETURN_MS);
        }
      },
      () => {
        this.#timer = setTimeout(() => this.#tryToReturn(), RETURN_MS);
      },
    );
  }
}
