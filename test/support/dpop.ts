/** A device that holds a key, the token that is bound to it, and its proofs. */
import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import { freePort } from './free-port.ts';
import { createSigningKey, mintToken, type SigningKey, type TokenChanges } from './tokens.ts';

export interface ProofChanges {
  /** Claims that differ from the good ones; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: SigningKey;
}

export interface Device {
  readonly key: SigningKey;
  readonly token: string;
  /** A proof for `GET url`, but for the changes. */
  readonly proof: (url: string, changes?: ProofChanges) => Promise<string>;
}

export async function createDevice({ claims = {}, ...changes }: TokenChanges = {}): Promise<Device> {
  const key = await createSigningKey('device', 'ES256');
  const cnf = { jkt: await calculateJwkThumbprint(key.jwk) };
  const token = await mintToken({ ...changes, claims: { cnf, ...claims } });
  return {
    key,
    token,
    proof(url, { claims: proofClaims = {}, header = {}, key: signer = key } = {}) {
      const usual = {
        htm: 'GET',
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        jti: randomUUID(),
        ath: createHash('sha256').update(token).digest('base64url'),
      };
      return new SignJWT({ ...usual, ...proofClaims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk, ...header })
        .sign(signer.privateKey);
    },
  };
}

/** The variables of a service that accepts bound tokens only, at an address that must be known beforehand. */
export async function requireDpop(): Promise<Record<string, string>> {
  const port = String(await freePort());
  return { DPOP_REQUIRED: 'true', PORT: port, PUBLIC_URL: `http://127.0.0.1:${port}` };
}
