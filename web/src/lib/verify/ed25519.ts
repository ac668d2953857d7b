/**
 * Ed25519 under ZIP-215, the rule that every replica keeps. The browser's own verification follows a narrower rule, so
 * its yes counts and its no does not: on a no, the ZIP-215 verification decides.
 */

import * as ed25519 from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { concat, toHex } from '../bytes.ts';
import { digest } from './digest.ts';

ed25519.hashes.sha512 = sha512;

/** Verdicts kept, so that the signatures under a block with many messages are checked once. */
const MOST_VERDICTS = 4096;

const verdicts = new Map<string, boolean>();
let isNative: boolean | null = null;

async function isValidNatively(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (isNative === false || globalThis.crypto?.subtle === undefined) {
    return false;
  }
  try {
    const imported = await crypto.subtle.importKey('raw', key.slice(), 'Ed25519', false, ['verify']);
    isNative = true;
    return await crypto.subtle.verify('Ed25519', imported, signature.slice(), bytes.slice());
  } catch (error) {
    // A browser without Ed25519 says so for the first key; a key that is merely odd must not switch the fast path off.
    isNative ??= error instanceof DOMException && error.name === 'NotSupportedError' ? false : null;
    return false;
  }
}

/** The ZIP-215 verdict alone. */
export function isValidZip215(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) {
    return false;
  }
  return ed25519.verify(signature, bytes, key, { zip215: true });
}

/** Whether the signature holds. */
export async function isValid(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (key.length !== 32 || signature.length !== 64) {
    return false;
  }
  const name = toHex(digest(concat(key, bytes, signature)));
  const known = verdicts.get(name);
  if (known !== undefined) {
    return known;
  }
  const verdict = (await isValidNatively(key, bytes, signature)) || isValidZip215(key, bytes, signature);
  if (verdicts.size >= MOST_VERDICTS) {
    const oldest = verdicts.keys().next();
    if (oldest.done !== true) {
      verdicts.delete(oldest.value);
    }
  }
  verdicts.set(name, verdict);
  return verdict;
}

/** Whether a key may stand for a member: a canonical point that generates the prime-order group. */
export function isUsableMemberKey(key: Uint8Array): boolean {
  try {
    const point = ed25519.Point.fromBytes(key, false);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}
