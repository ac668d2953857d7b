/**
 * The visitor's Ed25519 key, one per cluster. Where the browser has Ed25519 it is a WebCrypto key that no script can
 * read out; elsewhere it is a secret in this page's own database.
 */

import * as ed25519 from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { transact } from './database.ts';
import type { Signer } from './request.ts';

ed25519.hashes.sha512 = sha512;

type StoredKey =
  | { kind: 'webcrypto'; publicKey: Uint8Array; key: CryptoKey }
  | { kind: 'secret'; publicKey: Uint8Array; secret: Uint8Array };

async function generate(): Promise<StoredKey> {
  try {
    const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    return { kind: 'webcrypto', publicKey, key: pair.privateKey };
  } catch {
    const secret = ed25519.utils.randomSecretKey();
    return { kind: 'secret', publicKey: ed25519.getPublicKey(secret), secret };
  }
}

async function load(cluster: string): Promise<StoredKey> {
  const read = () => transact(['keys'], 'readonly', (store, wait) => wait<StoredKey | undefined>(store('keys').get(cluster)));
  const known = await read();
  if (known !== undefined) {
    return known;
  }
  const fresh = await generate();
  // Another tab may have been faster: the first key stays.
  return transact(['keys'], 'readwrite', async (store, wait) => {
    const earlier = await wait<StoredKey | undefined>(store('keys').get(cluster));
    if (earlier !== undefined) {
      return earlier;
    }
    await wait(store('keys').put(fresh, cluster));
    return fresh;
  });
}

export type OwnKey = Signer & { isExtractable: boolean };

export async function ownKey(cluster: string): Promise<OwnKey> {
  const stored = await load(cluster);
  return {
    publicKey: stored.publicKey,
    isExtractable: stored.kind === 'secret',
    sign: async (bytes) =>
      stored.kind === 'webcrypto'
        ? new Uint8Array(await crypto.subtle.sign('Ed25519', stored.key, bytes.slice()))
        : ed25519.sign(bytes, stored.secret),
  };
}
