/** Fetching and checking receipts, a few at a time, so that a long history does not freeze the page. */

import type { Json } from './json.ts';
import type { Origin, Replicas } from './replicas.ts';
import type { Committee } from './verify/committee.ts';
import { ReceiptError } from './verify/format.ts';
import { type Verdict, verifyReceipt } from './verify/receipt.ts';

const AT_ONCE = 4;

export type Checked =
  | { kind: 'checked'; verdict: Verdict; receipt: Json }
  /** Replicas answered, and what they said is no proof. */
  | { kind: 'failed'; why: string; liars: { replica: number; why: string }[] }
  /** Nobody had one. */
  | { kind: 'absent'; why: string };

export class ReceiptChecker {
  readonly #replicas: Replicas;
  readonly #committee: Committee;
  readonly #reader: string;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `reader` is the visitor's key, which some rooms ask for. */
  constructor(replicas: Replicas, committee: Committee, reader: string) {
    this.#replicas = replicas;
    this.#committee = committee;
    this.#reader = reader;
  }

  /**
   * The proof of the operation at this place. `contradicts` says why a sound proof is not the wanted one; the replicas are
   * asked one after the other until one has it.
   */
  async check(
    sequence: number,
    position: number,
    contradicts: (verdict: Verdict) => string | null,
    from: readonly Origin[] = this.#replicas.order(),
  ): Promise<Checked> {
    await this.#turn();
    try {
      return await this.#ask(`/api/v1/receipts?sequence=${sequence}&position=${position}&reader=${this.#reader}`, contradicts, from);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #ask(
    path: string,
    contradicts: (verdict: Verdict) => string | null,
    from: readonly Origin[],
  ): Promise<Checked> {
    const liars: { replica: number; why: string }[] = [];
    let absent = 'no replica answers';
    for (const origin of from) {
      try {
        const receipt = await this.#replicas.getFrom(origin, path);
        const verdict = await verifyReceipt(receipt, this.#committee);
        const why = contradicts(verdict);
        if (why === null) {
          return { kind: 'checked', verdict, receipt };
        }
        liars.push({ replica: origin.id, why });
      } catch (error) {
        if (error instanceof ReceiptError) {
          liars.push({ replica: origin.id, why: error.message });
        } else {
          absent = error instanceof Error ? error.message : String(error);
        }
      }
    }
    const [first] = liars;
    return first === undefined ? { kind: 'absent', why: absent } : { kind: 'failed', why: first.why, liars };
  }

  async #turn(): Promise<void> {
    if (this.#running >= AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
}
