/**
 * The trust anchor: the committee that this browser saw first at this address. A different one later is an alarm, never
 * silently accepted.
 */

import { fromHex, toHex } from './bytes.ts';
import type { Json } from './json.ts';
import { field } from './replicas.ts';
import { type Committee, CommitteeError, decodeCommittee } from './verify/committee.ts';

const KEY = 'outvote.committee';

export type Store = Pick<Storage, 'getItem' | 'setItem'>;

export type Anchor =
  | { kind: 'pinned'; committee: Committee; isNew: boolean }
  /** The replica shows another committee than the one that was pinned. */
  | { kind: 'changed'; pinned: Committee; shown: Committee };

/** The committee in an answer of `/api/v1/cluster`, checked against what the answer says of it. */
export function committeeIn(cluster: Json): Committee {
  const text = field(cluster, 'committee');
  const bytes = typeof text === 'string' ? fromHex(text) : null;
  if (bytes === null) {
    throw new CommitteeError('the replica shows no committee');
  }
  const committee = decodeCommittee(bytes);
  const said: [string, Uint8Array][] = [
    ['cluster', committee.cluster],
    ['client_domain', committee.clientDomain],
    ['replica_domain', committee.replicaDomain],
  ];
  const wrong = said.find(([name, value]) => field(cluster, name) !== undefined && field(cluster, name) !== toHex(value));
  if (wrong !== undefined) {
    throw new CommitteeError(`the replica's ${wrong[0]} does not belong to its committee`);
  }
  return committee;
}

/** Compares with what is pinned; pins on the first visit. */
export function anchor(cluster: Json, store: Store): Anchor {
  const shown = committeeIn(cluster);
  const shownHex = String(field(cluster, 'committee'));
  const pinnedHex = store.getItem(KEY);
  if (pinnedHex === null) {
    store.setItem(KEY, shownHex);
    return { kind: 'pinned', committee: shown, isNew: true };
  }
  if (pinnedHex === shownHex) {
    return { kind: 'pinned', committee: shown, isNew: false };
  }
  const bytes = fromHex(pinnedHex);
  if (bytes === null) {
    throw new CommitteeError('what this browser pinned earlier is damaged; clear this site’s data to start over');
  }
  return { kind: 'changed', pinned: decodeCommittee(bytes), shown };
}

/** The visitor decided to trust the committee that the replica shows now. */
export function trust(cluster: Json, store: Store): Committee {
  const committee = committeeIn(cluster);
  store.setItem(KEY, String(field(cluster, 'committee')));
  return committee;
}
