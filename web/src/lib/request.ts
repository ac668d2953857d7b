/** A signed envelope with one operation; the mirror of `crates/types/src/request.rs`. */

import { Writer } from './borsh.ts';
import { concat } from './bytes.ts';
import { digest } from './verify/digest.ts';
import { Kind, signingBytes } from './verify/signing.ts';

/** A key that signs; where it lies is its own business. */
export type Signer = { publicKey: Uint8Array; sign(bytes: Uint8Array): Promise<Uint8Array> };

export type SignedRequest = { nonce: bigint; digest: Uint8Array; payload: Uint8Array; bytes: Uint8Array };

export function requestBody(session: Uint8Array, nonce: bigint, payload: Uint8Array): Uint8Array {
  return new Writer()
    .fixed(session, 32)
    .u64(nonce)
    .list([payload], (writer, bytes) => writer.option(null, () => undefined).bool(false).blob(bytes))
    .bytes();
}

export async function signRequest(
  signer: Signer,
  domain: Uint8Array,
  nonce: bigint,
  payload: Uint8Array,
): Promise<SignedRequest> {
  const body = requestBody(signer.publicKey, nonce, payload);
  const identity = digest(body);
  const signature = await signer.sign(signingBytes(domain, Kind.Request, identity));
  return { nonce, digest: identity, payload, bytes: concat(body, signature) };
}
