/** One room's messages, in the agreed order, each with its proof; what a replica withholds comes from the others. */

import { contradiction, gaps, readMessages, type ShownMessage } from '../lib/chat/messages.ts';
import type { Names } from '../lib/names.ts';
import type { Checked, ReceiptChecker } from '../lib/receipts.ts';
import { field, type Origin, type Replicas } from '../lib/replicas.ts';
import type { Cluster } from './cluster.svelte.ts';

const PAGE = 50;
/** How long a replica may lag behind the others before what it does not show counts as withheld. */
const LAG_MS = 3_000;

export type Check = { kind: 'waiting' } | { kind: 'checking' } | Checked;

export class Message {
  readonly shown: ShownMessage;
  check = $state.raw<Check>({ kind: 'waiting' });
  /** The name that enough replicas give this key; `undefined` while nobody asked. */
  name = $state.raw<string | null | undefined>(undefined);

  constructor(shown: ShownMessage, check: Check = { kind: 'waiting' }) {
    this.shown = shown;
    this.check = check;
  }
}

export type Surroundings = {
  replicas: Replicas;
  checker: ReceiptChecker;
  names: Names;
  cluster: Cluster;
  /** The visitor's key, which some rooms ask for. */
  reader: string;
};

export class Room {
  readonly name: string;
  messages = $state.raw<Message[]>([]);
  /** Notes on what was withheld, in words. */
  notes = $state.raw<string[]>([]);
  isLoading = $state(false);
  hasEarlier = $state(false);
  error = $state('');
  readonly #around: Surroundings;
  readonly #byIndex = new Map<number, Message>();
  #isLoaded = false;
  /** Gaps that are being filled, by their lower end. */
  readonly #filling = new Set<number>();

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
  }

  #path(query: string): string {
    return `/api/v1/rooms/${encodeURIComponent(this.name)}/messages?reader=${this.#around.reader}&limit=${PAGE}${query}`;
  }

  /** The newest page, or whatever came after what is known. */
  async refresh(): Promise<void> {
    // Until a page was had, the newest one is asked for, even if single messages arrived on their own.
    const last = this.#isLoaded ? this.messages[this.messages.length - 1]?.shown.index : undefined;
    this.isLoading = this.messages.length === 0;
    try {
      const { json, origin } = await this.#around.replicas.get(this.#path(last === undefined ? '' : `&after=${last}`));
      const messages = readMessages(json);
      this.#isLoaded = true;
      this.add(messages, origin);
      this.hasEarlier = (this.messages[0]?.shown.index ?? 0) > 0;
      this.error = '';
      // A page is short when its messages are long, so its length does not tell whether it is the last.
      const edge = messages[messages.length - 1]?.index;
      const next = field(json, 'next');
      if (last !== undefined && edge !== undefined && typeof next === 'bigint' && BigInt(edge) + 1n < next) {
        await this.refresh();
      } else {
        void this.#checkTail(origin);
      }
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    } finally {
      this.isLoading = false;
    }
  }

  async loadEarlier(): Promise<void> {
    const first = this.messages[0]?.shown.index ?? 0;
    if (first === 0 || this.isLoading) {
      return;
    }
    this.isLoading = true;
    try {
      const { json, origin } = await this.#around.replicas.get(this.#path(`&before=${first}`));
      this.add(readMessages(json), origin);
      const now = this.messages[0]?.shown.index ?? 0;
      if (now === first) {
        await this.#fill({ after: Math.max(-1, first - PAGE - 1), before: first }, origin);
      }
      this.hasEarlier = (this.messages[0]?.shown.index ?? 0) > 0;
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    } finally {
      this.isLoading = false;
    }
  }

  /** Messages that a replica showed. */
  add(shown: readonly ShownMessage[], origin: Origin): void {
    this.#merge(shown, origin);
    for (const gap of gaps(this.messages.map((message) => message.shown.index))) {
      void this.#fill(gap, origin);
    }
  }

  /** A message whose proof this page holds already: it stands, whatever a replica shows in its place. */
  addProven(shown: ShownMessage, check: Checked): void {
    const known = this.#byIndex.get(shown.index);
    if (known !== undefined && !isSame(known.shown, shown) && known.check.kind !== 'checked') {
      this.#byIndex.delete(shown.index);
    }
    if (!this.#byIndex.has(shown.index)) {
      this.#byIndex.set(shown.index, new Message(shown, check));
    } else if (known !== undefined) {
      known.check = check;
    }
    this.#sort();
    const message = this.#byIndex.get(shown.index);
    if (message !== undefined) {
      void this.#confirmName(message);
    }
  }

  /** Checks a message's proof, once. */
  async check(message: Message): Promise<void> {
    if (message.check.kind === 'checking' || message.check.kind === 'checked') {
      return;
    }
    message.check = { kind: 'checking' };
    const { checker, cluster } = this.#around;
    const { sequence, position } = message.shown;
    const [check] = await Promise.all([
      checker.check(sequence, position, (verdict) => contradiction(message.shown, verdict)),
      this.#confirmName(message),
    ]);
    message.check = check;
    if (check.kind === 'failed') {
      for (const liar of check.liars) {
        cluster.catchLiar(liar.replica, `it showed message ${message.shown.index} of ${this.name} without a proof that holds: ${liar.why}`);
      }
    }
  }

  /** A name is no part of a receipt: it is believed when more replicas state it than can lie. */
  async #confirmName(message: Message): Promise<void> {
    message.name = await this.#around.names.nameOf(message.shown.key);
  }

  #merge(shown: readonly ShownMessage[], origin: Origin): void {
    for (const message of shown.filter((candidate) => candidate.room === this.name)) {
      const known = this.#byIndex.get(message.index);
      if (known === undefined) {
        this.#byIndex.set(message.index, new Message(message));
      } else if (!isSame(known.shown, message) && known.check.kind === 'checked') {
        this.#around.cluster.catchLiar(origin.id, `it showed another message ${message.index} of ${this.name} than the proven one`);
      }
    }
    this.#sort();
  }

  #sort(): void {
    this.messages = [...this.#byIndex.values()].sort((a, b) => a.shown.index - b.shown.index);
  }

  /** Asks first the replica itself, which may only have been slow, and then the others. */
  async #fill(gap: { after: number; before: number }, origin: Origin): Promise<void> {
    if (this.#filling.has(gap.after)) {
      return;
    }
    this.#filling.add(gap.after);
    const path = this.#path(`${gap.after < 0 ? '' : `&after=${gap.after}`}&before=${gap.before}`);
    const { replicas, cluster } = this.#around;
    let missing = this.#missing(gap);
    for (const asked of [origin, ...replicas.order().filter((other) => other.id !== origin.id)]) {
      const messages = await replicas.getFrom(asked, path).then(readMessages, () => []);
      this.#merge(messages, asked);
      const found = missing - this.#missing(gap);
      missing -= found;
      if (found > 0 && asked.id !== origin.id) {
        this.#note(`Replica ${origin.id} withheld ${plural(found)} of this room; replica ${asked.id} shows ${found === 1 ? 'it' : 'them'}.`);
        cluster.catchLiar(origin.id, `it withheld ${plural(found)} of ${this.name}`);
      }
      if (missing === 0) {
        break;
      }
    }
    if (missing > 0) {
      this.#note(`${plural(missing)} before number ${gap.before + 1} ${missing === 1 ? 'is' : 'are'} missing, and no replica shows ${missing === 1 ? 'it' : 'them'} now.`);
    }
    // A gap longer than a page is filled page by page.
    this.#filling.delete(gap.after);
    const rest = gaps(this.messages.map((message) => message.shown.index)).find((other) => other.before === gap.before);
    if (rest !== undefined && rest.after > gap.after) {
      await this.#fill(rest, origin);
    }
  }

  #missing(gap: { after: number; before: number }): number {
    let missing = 0;
    for (let index = Math.max(0, gap.after + 1); index < gap.before; index += 1) {
      missing += this.#byIndex.has(index) ? 0 : 1;
    }
    return missing;
  }

  /** Whether the newest messages are held back: the others are asked once, and time is given to a replica that lags. */
  async #checkTail(origin: Origin): Promise<void> {
    const { replicas } = this.#around;
    const last = () => this.messages[this.messages.length - 1]?.shown.index ?? -1;
    const path = () => this.#path(last() < 0 ? '' : `&after=${last()}`);
    const newest = () =>
      Promise.all(
        replicas.order().filter((other) => other.id !== origin.id).map(async (other) => ({
          other,
          messages: await replicas.getFrom(other, path()).then(readMessages, () => [] as ShownMessage[]),
        })),
      );
    const isAhead = (list: { messages: ShownMessage[] }[]) =>
      list.some(({ messages }) => messages.some((message) => message.index > last()));
    if (!isAhead(await newest())) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, LAG_MS));
    this.#merge(await replicas.getFrom(origin, path()).then(readMessages, () => []), origin);
    for (const { other, messages } of await newest()) {
      const newer = messages.filter((message) => message.index > last());
      if (newer.length > 0) {
        this.#merge(newer, other);
        this.#note(`Replica ${origin.id} does not show the newest ${plural(newer.length)} of this room; replica ${other.id} does.`);
      }
    }
  }

  #note(text: string): void {
    if (!this.notes.includes(text)) {
      this.notes = [...this.notes.slice(-2), text];
    }
  }
}

function plural(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

function isSame(a: ShownMessage, b: ShownMessage): boolean {
  return a.text === b.text && a.key === b.key && a.sequence === b.sequence && a.position === b.position;
}
