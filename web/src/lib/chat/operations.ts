/** The chat's operations, in the order of their numbers; the mirror of `ChatOperation`. */

import { Reader, Writer } from '../borsh.ts';

export type Access = 'public' | 'invite-only';
export type Operation =
  | { kind: 'register'; name: string }
  | { kind: 'create-room'; room: string; access: Access }
  | { kind: 'join'; room: string }
  | { kind: 'leave'; room: string }
  | { kind: 'invite'; room: string; member: Uint8Array }
  | { kind: 'remove'; room: string; member: Uint8Array }
  | { kind: 'post'; room: string; text: string };

const KINDS = ['register', 'create-room', 'join', 'leave', 'invite', 'remove', 'post'] as const;
const MOST_TEXT_BYTES = 64 * 1024;

export function encodeOperation(operation: Operation): Uint8Array {
  const writer = new Writer().u8(KINDS.indexOf(operation.kind));
  switch (operation.kind) {
    case 'register':
      return writer.string(operation.name).bytes();
    case 'create-room':
      return writer
        .string(operation.room)
        .u8(operation.access === 'public' ? 0 : 1)
        .bytes();
    case 'join':
    case 'leave':
      return writer.string(operation.room).bytes();
    case 'invite':
    case 'remove':
      return writer.string(operation.room).fixed(operation.member, 32).bytes();
    case 'post':
      return writer.string(operation.room).string(operation.text).bytes();
  }
}

/** The post in these bytes; `null` if they hold something else. */
export function decodePost(bytes: Uint8Array): { room: string; text: string } | null {
  try {
    const reader = new Reader(bytes);
    if (reader.u8() !== KINDS.indexOf('post')) {
      return null;
    }
    const post = { room: reader.string(MOST_TEXT_BYTES), text: reader.string(MOST_TEXT_BYTES) };
    reader.end();
    return post;
  } catch {
    return null;
  }
}
