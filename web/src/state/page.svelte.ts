/** The page's whole state: from the first look at the committee to the open room. */

import { type Anchor, anchor, trust } from '../lib/anchor.ts';
import { toHex } from '../lib/bytes.ts';
import { readMessage, readPosted } from '../lib/chat/messages.ts';
import { decodePost } from '../lib/chat/operations.ts';
import { type RoomInfo, readRoom, readRooms } from '../lib/chat/rooms.ts';
import { Events } from '../lib/events.ts';
import { formatJson, type Json, parseJson } from '../lib/json.ts';
import { type OwnKey, ownKey } from '../lib/keys.ts';
import { identityField, Names } from '../lib/names.ts';
import { ReceiptChecker } from '../lib/receipts.ts';
import { field, type Origin, otherLoopback, Refusal, Replicas } from '../lib/replicas.ts';
import type { Outcome } from '../lib/submit.ts';
import type { Committee } from '../lib/verify/committee.ts';
import { Cluster } from './cluster.svelte.ts';
import { type Message, Room, type Surroundings } from './room.svelte.ts';
import { Sender, type Sending } from './sending.svelte.ts';

/** The list of rooms is asked for again at most this often while blocks are committed. */
const ROOMS_MS = 2_000;

export type Phase =
  | { kind: 'starting' }
  | { kind: 'failed'; why: string }
  | { kind: 'alarm'; change: Anchor & { kind: 'changed' }; cluster: Json }
  | { kind: 'ready' };

export class Page {
  phase = $state.raw<Phase>({ kind: 'starting' });
  readonly cluster = new Cluster();
  committee = $state.raw<Committee | null>(null);
  /** Whether this committee was pinned by this very visit. */
  isFirstVisit = $state(false);
  isDemo = $state(false);
  /** The replica that served this page. */
  me = $state(0);
  key = $state.raw<OwnKey | null>(null);
  name = $state.raw<string | null>(null);
  rooms = $state.raw<RoomInfo[]>([]);
  room = $state.raw<Room | null>(null);
  sender = $state.raw<Sender | null>(null);
  /** The message whose proof is shown. */
  proof = $state.raw<Message | null>(null);
  #replicas: Replicas | null = null;
  #around: Surroundings | null = null;
  readonly #rooms = new Map<string, Room>();
  #roomsTimer: ReturnType<typeof setTimeout> | undefined;
  /** Rounds of questions to all replicas about themselves, and the latest that each has answered. */
  #selvesAsked = 0;
  readonly #selvesTaken = new Map<number, number>();

  get replicas(): Replicas | null {
    return this.#replicas;
  }

  get ownKeyHex(): string {
    return this.key === null ? '' : toHex(this.key.publicKey);
  }

  async start(): Promise<void> {
    this.phase = { kind: 'starting' };
    try {
      const own: Origin = { id: 0, url: location.origin };
      const cluster = await new Replicas([own]).getFrom(own, '/api/v1/cluster');
      if (this.#moveToOwnAddress(cluster)) {
        return;
      }
      const found = anchor(cluster, localStorage);
      if (found.kind === 'changed') {
        this.phase = { kind: 'alarm', change: found, cluster };
        return;
      }
      this.isFirstVisit = found.isNew;
      await this.#enter(cluster, found.committee);
    } catch (error) {
      this.phase = { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
    }
  }

  /**
   * A visitor who came by another name of this machine goes to the replica's own address: the other replicas answer only
   * the committee's own pages, and the browser keeps keys and the pinned committee per address.
   */
  #moveToOwnAddress(cluster: Json): boolean {
    const me = Number(field(cluster, 'me') ?? -1);
    const own = originsIn(cluster, -1).find((origin) => origin.id === me);
    const better = own === undefined ? null : otherLoopback(location.href, own.url);
    if (better !== null) {
      location.replace(better);
    }
    return better !== null;
  }

  /** The visitor trusts the changed committee. */
  async acceptChange(cluster: Json): Promise<void> {
    await this.#enter(cluster, trust(cluster, localStorage));
  }

  async #enter(cluster: Json, committee: Committee): Promise<void> {
    this.committee = committee;
    this.cluster.committee = committee;
    this.isDemo = committee.demo;
    this.me = Number(field(cluster, 'me') ?? 0);
    this.#replicas = new Replicas(originsIn(cluster, this.me));
    this.key = await ownKey(toHex(committee.cluster));
    const checker = new ReceiptChecker(this.#replicas, committee, this.ownKeyHex);
    const names = new Names(this.#replicas, committee.weak);
    this.#around = { replicas: this.#replicas, checker, names, cluster: this.cluster, reader: this.ownKeyHex };
    this.sender = new Sender(this.key, committee, this.#replicas, this.cluster, (sending, outcome) =>
      this.#agreed(sending, outcome),
    );
    this.phase = { kind: 'ready' };
    this.#listen(this.#replicas);
    await Promise.all([this.sender.resume(), this.refreshName(), this.refreshRooms()]);
    this.#openRemembered();
  }

  #listen(replicas: Replicas): void {
    const events = new Events(replicas.origins, `/api/v1/events?reader=${this.ownKeyHex}`, {
      message: (data) => this.#arrived(data),
      status: (data) => {
        const before = this.#committed();
        this.cluster.take(data);
        if (this.#committed() > before) {
          this.#refreshRoomsSoon();
        }
      },
      evidence: (data) => this.cluster.takeEvidence(data),
      open: (origin) => {
        replicas.mark(origin, true);
        this.cluster.reporter = origin;
        this.cluster.isLive = true;
        void this.#catchUp(replicas, origin);
      },
      lost: (origin) => {
        replicas.mark(origin, false);
        this.cluster.isLive = false;
      },
    });
    events.start();
  }

  #committed(): number {
    return Math.max(0, ...(this.cluster.status?.replicas ?? []).map((replica) => replica.committed));
  }

  /** What came while no connection stood. */
  async #catchUp(replicas: Replicas, origin: Origin): Promise<void> {
    const status = replicas.getFrom(origin, '/status').then(
      (json) => this.cluster.take(formatJson(json)),
      () => undefined,
    );
    await status;
    await Promise.all([this.refreshSelves(), this.refreshRooms(), this.room?.refresh()]);
  }

  #arrived(data: string): void {
    const origin = this.cluster.reporter;
    let message: ReturnType<typeof readMessage> = null;
    try {
      message = readMessage(parseJson(data));
    } catch {
      return; // What is no JSON is no message.
    }
    if (message !== null && origin !== null) {
      this.#rooms.get(message.room)?.add([message], origin);
      if (!this.rooms.some((room) => room.name === message.room)) {
        this.#refreshRoomsSoon();
      }
    }
  }

  #refreshRoomsSoon(): void {
    this.#roomsTimer ??= setTimeout(() => {
      this.#roomsTimer = undefined;
      void Promise.all([this.refreshRooms(), this.refreshSelves()]);
    }, ROOMS_MS);
  }

  /** Asks every replica what it says of itself. An answer to an earlier question that comes late does not count any more. */
  async refreshSelves(): Promise<void> {
    const replicas = this.#replicas;
    this.#selvesAsked += 1;
    const asked = this.#selvesAsked;
    await Promise.all(
      (replicas?.origins ?? []).map(async (origin) => {
        const json = await replicas?.getFrom(origin, '/status').catch(() => undefined);
        if (json !== undefined && asked > (this.#selvesTaken.get(origin.id) ?? 0)) {
          this.#selvesTaken.set(origin.id, asked);
          this.cluster.takeSelf(origin.id, formatJson(json));
        }
      }),
    );
  }

  async refreshName(): Promise<void> {
    try {
      const answer = await this.#replicas?.get(`/api/v1/identities/${this.ownKeyHex}`);
      this.name = answer === undefined ? null : identityField(answer.json, 'name');
    } catch (error) {
      // Nobody took a name with this key yet; any other trouble shows elsewhere.
      this.name = error instanceof Refusal ? null : this.name;
    }
  }

  async refreshRooms(): Promise<void> {
    try {
      const answer = await this.#replicas?.get(`/api/v1/rooms?as_key=${this.ownKeyHex}&limit=500`);
      const listed = answer === undefined ? [] : readRooms(answer.json);
      const known = this.rooms.filter((room) => !listed.some((other) => other.name === room.name));
      this.rooms = [...listed, ...known.filter((room) => this.#rooms.has(room.name))];
    } catch {
      // The list stays as it was.
    }
  }

  async open(name: string): Promise<void> {
    const around = this.#around;
    if (around === null) {
      return;
    }
    const room = this.#rooms.get(name) ?? new Room(name, around);
    this.#rooms.set(name, room);
    this.room = room;
    location.hash = encodeURIComponent(name);
    await Promise.all([room.refresh(), this.#learn(name)]);
  }

  /** Details of a room that the list does not show. */
  async #learn(name: string): Promise<void> {
    try {
      const answer = await this.#replicas?.get(`/api/v1/rooms/${encodeURIComponent(name)}?reader=${this.ownKeyHex}`);
      const info = answer === undefined ? null : readRoom(answer.json);
      if (info !== null) {
        this.rooms = [...this.rooms.filter((room) => room.name !== info.name), info];
      }
    } catch {
      // A room that does not exist says so where its messages would be.
    }
  }

  #openRemembered(): void {
    let wanted = '';
    try {
      wanted = decodeURIComponent(location.hash.slice(1));
    } catch {
      // Not a room's name.
    }
    const first = this.rooms.find((room) => room.name === wanted) ?? this.rooms[0];
    const name = wanted === '' ? first?.name : wanted;
    if (name !== undefined && this.room === null) {
      void this.open(name);
    }
  }

  /** A proven agreement: a post shows at its place at once, proof included. */
  #agreed(_: Sending, outcome: Outcome & { kind: 'agreed' }): void {
    const { verdict, receipt } = outcome;
    const post = decodePost(verdict.payload);
    const posted = 'done' in verdict.answer ? readPosted(verdict.answer.done) : null;
    if (post === null || posted === null) {
      void Promise.all([this.refreshName(), this.refreshRooms()]);
      return;
    }
    const room = this.#rooms.get(post.room);
    const shown = {
      room: post.room,
      index: posted.index,
      sequence: Number(verdict.sequence),
      position: posted.position,
      author: this.name ?? '',
      key: toHex(verdict.author),
      timeUs: Number(verdict.timeUs),
      text: post.text,
    };
    room?.addProven(shown, { kind: 'checked', verdict, receipt });
    void room?.refresh();
  }
}

/** The replicas' pages, the one that served this page first and by the address that the visitor used. */
function originsIn(cluster: Json, me: number): Origin[] {
  const members = field(cluster, 'members');
  const origins = (Array.isArray(members) ? members : []).flatMap((member) => {
    const [id, url] = [field(member, 'id'), field(member, 'http')];
    return typeof id === 'bigint' && typeof url === 'string' && url !== '' ? [{ id: Number(id), url: url.replace(/\/$/, '') }] : [];
  });
  return me < 0 ? origins : [{ id: me, url: location.origin }, ...origins.filter((origin) => origin.id !== me)];
}

export const page = new Page();
