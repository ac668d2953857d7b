/** The replicas as one of them reports them, the evidence, and whom this page itself has caught. */

import { parseJson, toPlain } from '../lib/json.ts';
import type { Origin } from '../lib/replicas.ts';
import type { Committee } from '../lib/verify/committee.ts';
import { checkEvidence, type EvidenceCheck } from '../lib/verify/evidence.ts';

export type ReplicaStatus = {
  id: number;
  reachable: boolean;
  leader: boolean;
  view: number;
  committed: number;
  executed: number;
  sitting_out: boolean;
  observer: boolean;
  repairing: boolean;
  behaviour: string;
};

export type Evidence = { id: string; accused: number; rule: string; view: number; sequence: number; proof: string };
/** Evidence as shown: what the replica says of it, or what its proof says once that is checked. */
export type ShownEvidence = { said: Evidence; check: EvidenceCheck | null };

export type Status = { n: number; f: number; quorum: number; replicas: ReplicaStatus[]; evidence: Evidence[] };

/** Pieces of evidence shown, so that a replica that invents some cannot fill the page. */
const MOST_EVIDENCE = 100;
/** Reasons kept per replica, so that a persistent liar cannot fill the page. */
const MOST_REASONS = 5;

function readStatus(data: string): Status | null {
  try {
    const plain = toPlain(parseJson(data)) as Partial<Status> | null;
    return plain !== null && Array.isArray(plain.replicas)
      ? { n: 0, f: 0, quorum: 0, ...plain, replicas: plain.replicas, evidence: plain.evidence ?? [] }
      : null;
  } catch {
    return null;
  }
}

export class Cluster {
  status = $state.raw<Status | null>(null);
  /** The same as it was reported. */
  #reported: Status | null = null;
  /** What each replica says of itself, where the reporter does not know. */
  #selves = new Map<number, ReplicaStatus>();
  /** Who reports. */
  reporter = $state.raw<Origin | null>(null);
  /** Whether live updates flow. */
  isLive = $state(false);
  evidence = $state.raw<ShownEvidence[]>([]);
  committee: Committee | null = null;
  /** Per replica, what this page caught it at. */
  caught = $state.raw<Readonly<Record<number, string[]>>>({});

  take(data: string): void {
    const status = readStatus(data);
    if (status !== null) {
      this.#reported = status;
      this.#complete();
      status.evidence.forEach((evidence) => this.#keep(evidence));
    }
  }

  /**
   * Another replica's report: of it, its word on itself is kept, where the reporter has none, and the evidence, which speaks
   * for itself. A traitor that reports on the cluster shows none against itself.
   */
  takeSelf(id: number, data: string): void {
    const report = readStatus(data);
    report?.evidence.forEach((evidence) => this.#keep(evidence));
    const own = report?.replicas.find((replica) => replica.id === id);
    if (own !== undefined) {
      this.#selves.set(id, own);
      this.#complete();
    }
  }

  /** What is shown is always made of the report as it came: what was filled in once is no word of the reporter's. */
  #complete(): void {
    const status = this.#reported;
    if (status !== null) {
      this.status = { ...status, replicas: status.replicas.map((replica) => this.#completed(replica)) };
    }
  }

  #completed(replica: ReplicaStatus): ReplicaStatus {
    const own = this.#selves.get(replica.id);
    const isUnknown = replica.behaviour === '' && replica.id !== this.reporter?.id;
    if (!isUnknown || own === undefined) {
      return replica;
    }
    const { behaviour, observer, repairing } = own;
    return { ...replica, behaviour, observer, repairing };
  }

  takeEvidence(data: string): void {
    try {
      const evidence = toPlain(parseJson(data)) as Partial<Evidence> | null;
      if (typeof evidence?.id === 'string' && typeof evidence.accused === 'number') {
        this.#keep({ rule: '', view: 0, sequence: 0, proof: '', ...evidence, id: evidence.id, accused: evidence.accused });
      }
    } catch {
      // A replica that sends no JSON shows no evidence.
    }
  }

  catchLiar(replica: number, why: string): void {
    const known = this.caught[replica] ?? [];
    if (!known.includes(why) && known.length < MOST_REASONS) {
      this.caught = { ...this.caught, [replica]: [...known, why] };
    }
  }

  /** How many blocks a replica is behind the furthest one. */
  lag(replica: ReplicaStatus): number {
    const furthest = Math.max(0, ...(this.status?.replicas ?? []).map((other) => other.committed));
    // A reporter may not have heard how much of it another one has executed.
    return Math.max(0, furthest - Math.max(replica.executed, replica.committed));
  }

  #keep(said: Evidence): void {
    const { committee } = this;
    if (this.evidence.length >= MOST_EVIDENCE || this.evidence.some(({ said: known }) => known.id === said.id)) {
      return;
    }
    this.evidence = [...this.evidence, { said, check: null }];
    if (committee !== null) {
      void checkEvidence(said.proof, committee).then((check) => {
        this.evidence = this.evidence.map((one) => (one.said.id === said.id ? { said, check } : one));
      });
    }
  }
}
