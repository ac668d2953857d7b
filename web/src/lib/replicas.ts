/** The replicas' HTTP sides. Each is an untrusted gateway; when one does not answer, the next is asked. */

import { type Json, JsonError, parseJson } from './json.ts';

/** How long one answer may take. */
const PATIENCE_MS = 5_000;
/** An answer's characters at most. */
const MOST_CHARACTERS = 32 * 1024 * 1024;

/** A replica answered with a refusal. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A replica did not answer, or not in JSON. */
export class Unreachable extends Error {}

export type Origin = { id: number; url: string };

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

async function ask(fetching: Fetch, url: string, init: RequestInit, patienceMs: number): Promise<Json> {
  let status: number;
  let text: string;
  try {
    const response = await fetching(url, { ...init, cache: 'no-store', signal: AbortSignal.timeout(patienceMs) });
    status = response.status;
    text = await response.text();
  } catch {
    throw new Unreachable(`${new URL(url).host} does not answer`);
  }
  if (text.length > MOST_CHARACTERS) {
    throw new Unreachable('the answer is too long');
  }
  let json: Json;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new Unreachable(error instanceof JsonError ? error.message : 'the answer is no JSON');
  }
  if (status >= 200 && status < 300) {
    return json;
  }
  const error = field(json, 'error');
  const words = [field(error, 'message'), field(error, 'hint')].filter((word) => typeof word === 'string' && word !== '');
  throw new Refusal(status, String(field(error, 'code') ?? status), words.join('; '));
}

/** A field of an object, if it is one and has it. */
export function field(value: Json | undefined, name: string): Json | undefined {
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
  return isObject && Object.hasOwn(value, name) ? value[name] : undefined;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The same page at the replica's own address, if that is only another name of this very machine; else `null`. */
export function otherLoopback(here: string, own: string): string | null {
  try {
    const [from, to] = [new URL(here), new URL(own)];
    const isSame = [from, to].every((url) => LOOPBACK.includes(url.hostname)) && from.port === to.port;
    if (!isSame || from.protocol !== to.protocol || from.hostname === to.hostname) {
      return null;
    }
    from.hostname = to.hostname;
    return from.href;
  } catch {
    return null;
  }
}

export class Replicas {
  /** All of them, the one that served this page first. */
  readonly origins: Origin[];
  readonly #fetch: Fetch;
  readonly #silent = new Set<number>();

  constructor(origins: Origin[], fetching: Fetch = (url, init) => fetch(url, init)) {
    this.origins = origins;
    this.#fetch = fetching;
  }

  /** In the order in which to ask: those last found silent come last. */
  order(): Origin[] {
    const isSilent = (origin: Origin) => this.#silent.has(origin.id);
    return [...this.origins.filter((origin) => !isSilent(origin)), ...this.origins.filter(isSilent)];
  }

  mark(origin: Origin, answers: boolean): void {
    if (answers) {
      this.#silent.delete(origin.id);
    } else {
      this.#silent.add(origin.id);
    }
  }

  getFrom(origin: Origin, path: string, patienceMs = PATIENCE_MS): Promise<Json> {
    return ask(this.#fetch, origin.url + path, {}, patienceMs);
  }

  post(origin: Origin, path: string, body: unknown, patienceMs: number): Promise<Json> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return ask(this.#fetch, origin.url + path, init, patienceMs);
  }

  /**
   * The first answer, in the order of `from`. That there is no such thing counts only if nobody else has it; then the first
   * refusal is thrown.
   */
  async get(path: string, from: readonly Origin[] = this.order()): Promise<{ json: Json; origin: Origin }> {
    let refusal: Refusal | null = null;
    let last: unknown = new Unreachable('there is no replica to ask');
    for (const origin of from) {
      try {
        return { json: await this.getFrom(origin, path), origin };
      } catch (error) {
        // 503: it is up and cannot serve now; the next one may.
        const isRefusal = error instanceof Refusal && error.status < 500;
        refusal = isRefusal ? (refusal ?? error) : refusal;
        last = error;
      }
    }
    throw refusal ?? last;
  }

  /** What each replica answers; those that do not are left out. */
  async getAll(path: string, patienceMs = PATIENCE_MS): Promise<{ json: Json; origin: Origin }[]> {
    const answers = await Promise.all(
      this.origins.map((origin) =>
        this.getFrom(origin, path, patienceMs).then(
          (json) => ({ json, origin }),
          () => null,
        ),
      ),
    );
    return answers.filter((answer) => answer !== null);
  }
}
