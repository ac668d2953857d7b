/** The real program: `outvote demo`, four processes on this machine. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const START_MS = 60_000;
const STOP_MS = 15_000;

export type ReplicaStatus = { id: number; pid: number; leader: boolean; reachable: boolean; view: number; committed: number };

export class Demo {
  readonly home: string;
  readonly #port: number;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(home: string, port: number, program: string) {
    this.home = home;
    this.#port = port;
    this.#child = spawn(program, ['demo', '--home', home, '--port', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#output = (this.#output + data.toString()).slice(-20_000);
      });
    }
  }

  static program(): string {
    const program = process.env['OUTVOTE_BINARY'];
    if (program === undefined || program === '') {
      throw new Error('set OUTVOTE_BINARY to the built program, such as ../target/release/outvote');
    }
    return program;
  }

  static async start(port: number): Promise<Demo> {
    const program = Demo.program();
    const demo = new Demo(join(await mkdtemp(join(tmpdir(), 'outvote-page-')), 'demo'), port, program);
    const deadline = Date.now() + START_MS;
    for (;;) {
      const ready = await Promise.all([0, 1, 2, 3].map((id) => fetch(`${demo.url(id)}/readyz`).then((r) => r.ok, () => false)));
      if (ready.every((isReady) => isReady)) {
        return demo;
      }
      if (Date.now() > deadline || demo.#child.exitCode !== null) {
        await demo.stop();
        throw new Error(`the demo does not become ready; it said:\n${demo.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  url(id: number): string {
    return `http://127.0.0.1:${this.#port + id}`;
  }

  /** What each replica says of itself: nobody else knows its process. */
  async replicas(): Promise<ReplicaStatus[]> {
    return Promise.all(
      [0, 1, 2, 3].map(async (id) => {
        const response = await fetch(`${this.url(id)}/status`);
        const status = (await response.json()) as { replicas: ReplicaStatus[] };
        return status.replicas[id] as ReplicaStatus;
      }),
    );
  }

  /** Runs another command of the program. */
  async run(...words: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(Demo.program(), words);
    return stdout;
  }

  async stop(): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      this.#child.once('exit', () => resolve());
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        resolve();
      }
    });
    this.#child.kill('SIGINT');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(force);
    await rm(join(this.home, '..'), { recursive: true, force: true });
  }
}
