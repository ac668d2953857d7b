/**
 * Four gateways of a made-up cluster, each of which may lie to the page as its test tells it to. They hold the replicas'
 * keys, so that what they do not tamper with is soundly signed. For tests of the page against hostile servers only: the
 * real replicas are tested by starting the real program.
 */

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Reader, Writer } from '../../src/lib/borsh.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { digest } from '../../src/lib/verify/digest.ts';
import { isValidZip215 } from '../../src/lib/verify/ed25519.ts';
import type { Answer, OperationPart } from '../../src/lib/verify/format.ts';
import { Kind, signingBytes } from '../../src/lib/verify/signing.ts';
import { makeReceipt, type TestCluster, write } from './cluster.ts';

const DIST = '../apps/chat/dist';
const POSITION = 2;
const TYPES: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };

export type Shown = { index: number; sequence: number; room: string; author: string; key: string; text: string; receipt: string };
export type Lie = {
  /** What is answered to a submission, once it says so. */
  submit?: (answer: string) => string | Promise<string>;
  messages?: (messages: Shown[]) => Shown[];
  /** Its stream tells of no message. */
  isSilent?: boolean;
  receipt?: (receipt: string) => string;
  cluster?: (json: Record<string, unknown>) => Record<string, unknown>;
  rooms?: (rooms: RoomShown[]) => RoomShown[];
  status?: (status: Status) => Status;
};

export type RoomShown = { room: string; access: string; owner: string };
export type Status = { replicas: Record<string, unknown>[] } & Record<string, unknown>;

type Entry = { payload: Uint8Array; session: Uint8Array; nonce: bigint; request: Uint8Array };

function decodeRequest(bytes: Uint8Array, cluster: TestCluster): Entry {
  const reader = new Reader(bytes);
  const session = reader.fixed(32);
  const nonce = reader.u64();
  const [count, author, query] = [reader.u32(), reader.u8(), reader.bool()];
  const payload = reader.blob(1 << 20);
  const signature = reader.fixed(64);
  reader.end();
  const request = digest(bytes.slice(0, -64));
  const signed = signingBytes(cluster.committee.clientDomain, Kind.Request, request);
  if (count !== 1 || author !== 0 || query || !isValidZip215(session, signed, signature)) {
    throw new Error('no valid request');
  }
  return { payload, session, nonce, request };
}

/** What the real replicas send. */
export function policy(origins: string): string {
  return (
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ${origins}; ` +
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; " +
    'trusted-types svelte-trusted-html'
  );
}

export class Gateways {
  readonly lies: Lie[] = [{}, {}, {}, {}];
  readonly messages: Shown[] = [];
  /** Whether pages are served with the policy that the real replicas serve them with. */
  hasPolicy = true;
  readonly #cluster: TestCluster;
  readonly #port: number;
  readonly #names = new Map<string, string>();
  readonly #rooms = new Set<string>();
  readonly #outcomes = new Map<string, string>();
  readonly #streams = new Map<ServerResponse, number>();
  readonly #servers = new Map<number, Server>();
  #sequence = 0;

  constructor(cluster: TestCluster, port: number) {
    this.#cluster = cluster;
    this.#port = port;
  }

  async start(): Promise<void> {
    for (let id = 0; id < 4; id += 1) {
      await this.startOne(id);
    }
  }

  async startOne(id: number): Promise<void> {
    const server = createServer((request, response) => {
      this.#serve(id, request, response).catch((error: unknown) => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { code: 'bad', message: String(error), hint: '' } }));
      });
    });
    this.#servers.set(id, server);
    await new Promise<void>((resolve) => server.listen(this.#port + id, '127.0.0.1', resolve));
  }

  /** Its connections break, as when the process is killed. */
  async stopOne(id: number): Promise<void> {
    const server = this.#servers.get(id);
    this.#servers.delete(id);
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve)));
  }

  async stop(): Promise<void> {
    for (const id of [...this.#servers.keys()]) {
      await this.stopOne(id);
    }
  }

  url(id: number): string {
    return `http://127.0.0.1:${this.#port + id}`;
  }

  async #serve(id: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url(id));
    const origins = [0, 1, 2, 3].map((other) => this.url(other)).join(' ');
    response.setHeader('access-control-allow-origin', request.headers.origin ?? '*');
    response.setHeader('access-control-allow-headers', 'content-type');
    if (this.hasPolicy) {
      response.setHeader('content-security-policy', policy(origins));
    }
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
    } else if (url.pathname === '/api/v1/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`event: status\ndata: ${write(this.#status(id))}\n\n`);
      this.#streams.set(response, id);
      response.on('close', () => this.#streams.delete(response));
    } else if (url.pathname === '/api/v1/submit') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) {
        chunks.push(chunk as Buffer);
      }
      const body = JSON.parse(Buffer.concat(chunks).toString()) as { request: string };
      const answer = this.#submit(fromHex(body.request) ?? new Uint8Array());
      this.#json(response, await (this.lies[id]?.submit ?? String)(answer));
    } else if (url.pathname.startsWith('/api/') || url.pathname === '/status' || url.pathname === '/readyz') {
      this.#json(response, this.#get(id, url));
    } else {
      const path = url.pathname === '/' ? '/index.html' : url.pathname;
      response.setHeader('content-type', TYPES[path.split('.').at(-1) ?? ''] ?? 'text/plain');
      response.end(readFileSync(DIST + path));
    }
  }

  #json(response: ServerResponse, text: string): void {
    response.setHeader('content-type', 'application/json');
    response.statusCode = text.includes('"error"') ? 404 : 200;
    response.end(text);
  }

  #status(id: number): Status {
    const replicas = [0, 1, 2, 3].map((other) => ({
      id: other, reachable: true, leader: other === 1, view: 5, committed: this.#sequence, executed: this.#sequence, sitting_out: false,
      observer: false, repairing: false, behaviour: 'honest',
    }));
    return (this.lies[id]?.status ?? ((same) => same))({ n: 4, f: 1, quorum: 3, replicas, evidence: [] });
  }

  #get(id: number, url: URL): string {
    const [, , , what = '', name = '', part = ''] = url.pathname.split('/').map(decodeURIComponent);
    const missing = '{"error":{"code":"not-found","message":"there is no such thing","hint":""}}';
    const { committee, bytes } = this.#cluster;
    switch (what) {
      case 'cluster': {
        const members = [0, 1, 2, 3].map((other) => ({ id: other, http: this.url(other) }));
        const json = { cluster: toHex(committee.cluster), me: id, demo: committee.demo, members, committee: toHex(bytes) };
        return write((this.lies[id]?.cluster ?? ((same) => same))(json));
      }
      case 'rooms': {
        const own = [...this.#rooms].map((room) => ({ room, access: 'public', owner: '' }));
        const rooms = (this.lies[id]?.rooms ?? ((same) => same))(own);
        if (name === '') {
          return write({ rooms });
        }
        if (part === '') {
          return write(rooms.find((room) => room.room === name) ?? JSON.parse(missing));
        }
        return this.#history(id, name, url.searchParams);
      }
      case 'identities':
        return this.#names.has(name) ? write({ name: this.#names.get(name), key: name }) : missing;
      case 'sessions':
        return write({ next_nonce: 1 });
      case 'receipts': {
        const found = this.messages.find((message) => String(message.sequence) === url.searchParams.get('sequence'));
        return found === undefined ? missing : (this.lies[id]?.receipt ?? String)(found.receipt);
      }
      default:
        return write(this.#status(id));
    }
  }

  #history(id: number, room: string, query: URLSearchParams): string {
    const [after, before] = [Number(query.get('after') ?? -1), Number(query.get('before') ?? Infinity)];
    const limit = Number(query.get('limit'));
    const inRange = this.messages.filter((m) => m.room === room && m.index > after && m.index < before);
    const page = query.has('after') ? inRange.slice(0, limit) : inRange.slice(-limit);
    const next = this.messages.filter((message) => message.room === room).length;
    return write({ next, messages: (this.lies[id]?.messages ?? ((same) => same))(page).map(asJson) });
  }

  #submit(bytes: Uint8Array): string {
    const entry = decodeRequest(bytes, this.#cluster);
    const known = this.#outcomes.get(toHex(entry.request));
    if (known !== undefined) {
      return known;
    }
    this.#sequence += 1;
    const { answer, message } = this.#apply(entry);
    const operation: OperationPart = { ...entry, index: 0, author: entry.session, query: false };
    const receipt = makeReceipt(this.#cluster, { operation, answer, sequence: BigInt(this.#sequence), position: POSITION });
    const outcome = `{"outcome":"committed","sequence":${this.#sequence},"answer":{},"receipt":${receipt}}`;
    this.#outcomes.set(toHex(entry.request), outcome);
    if (message !== null) {
      message.receipt = receipt;
      this.messages.push(message);
      const told = [...this.#streams].filter(([, id]) => this.lies[id]?.isSilent !== true);
      for (const [stream] of told) {
        stream.write(`event: message\ndata: ${write(asJson(message))}\n\n`);
      }
    }
    return outcome;
  }

  #apply({ payload, session }: Entry): { answer: Answer; message: Shown | null } {
    const reader = new Reader(payload);
    const number = reader.u8();
    const name = reader.string(1024);
    const answer = { done: new Writer().u8(number).string(name).bytes() };
    if (number !== 6) {
      (number === 0 ? this.#names : new Map()).set(toHex(session), name);
      if (number === 1) {
        this.#rooms.add(name);
      }
      return { answer, message: null };
    }
    const index = this.messages.filter((message) => message.room === name).length;
    const sequence = this.#sequence;
    const message = { index, sequence, room: name, author: this.#names.get(toHex(session)) ?? '', key: toHex(session), text: reader.string(1 << 20), receipt: '' };
    const posted = new Writer().u8(6).string(name).u64(BigInt(index)).u64(BigInt(sequence)).u32(POSITION);
    return { answer: { done: posted.u64(timeOf(sequence)).bytes() }, message };
  }
}

/** The agreed time of a block, as `makeReceipt` sets it. */
function timeOf(sequence: number): bigint {
  return 1_790_000_000_000_000n + BigInt(sequence);
}

function asJson(message: Shown) {
  const { receipt: _, ...shown } = message;
  return { ...shown, position: POSITION, time_us: timeOf(message.sequence), edited: false, deleted: false };
}

/** Bytes that look signed and are not. */
export function forged(receipt: string): string {
  return receipt.replace(/("replies":\[\{"replica":\d+,"signature":")(..)/, (_, head: string, byte: string) => head + (byte === '00' ? '01' : '00'));
}

