/** Rooms as replicas list them. */

import type { Json } from '../json.ts';
import { field } from '../replicas.ts';
import type { Access } from './operations.ts';

export type RoomInfo = { name: string; access: Access; owner: string | null };

/** The room in a replica's JSON; `null` if it is none. */
export function readRoom(json: Json): RoomInfo | null {
  const inner = field(json, 'room');
  if (inner !== null && typeof inner === 'object') {
    return readRoom(inner);
  }
  const name = inner ?? field(json, 'name');
  const [access, owner] = [field(json, 'access'), field(json, 'owner')];
  return typeof name === 'string'
    ? {
        name,
        access: access === 'invite-only' ? 'invite-only' : 'public',
        owner: typeof owner === 'string' ? owner : null,
      }
    : null;
}

export function readRooms(json: Json): RoomInfo[] {
  const list = field(json, 'rooms');
  return Array.isArray(list) ? list.map(readRoom).filter((room) => room !== null) : [];
}
