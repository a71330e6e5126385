/**
 * A minimal self-signed X.509 certificate, because Auth0's JWKS entries carry one (`x5c`, `x5t`), and for TLS. Valid for
 * its form and signature only; nothing trusts it by itself.
 */
import { type KeyObject, randomBytes, sign } from 'node:crypto';
import type { TlsIdentity } from './listener.ts';

const SEQUENCE = 0x30;
const SET = 0x31;
const sha256WithRsa = encodeDer(
  SEQUENCE,
  encodeDer(0x06, Buffer.from('2a864886f70d01010b', 'hex')),
  encodeDer(0x05, Buffer.alloc(0)),
);

/** The certificate in DER, good for ten years either side of the turn of 2030, for the host of this name if it is one. */
export function createSelfSignedCertificate(
  keys: { privateKey: KeyObject; publicKey: KeyObject },
  subject = 'local tenant',
): Buffer {
  const commonName = encodeDer(
    SEQUENCE,
    encodeDer(0x06, Buffer.from('550403', 'hex')),
    encodeDer(0x0c, Buffer.from(subject)),
  );
  const name = encodeDer(SEQUENCE, encodeDer(SET, commonName));
  const validity = encodeDer(
    SEQUENCE,
    encodeDer(0x17, Buffer.from('200101000000Z')),
    encodeDer(0x17, Buffer.from('400101000000Z')),
  );
  const toBeSigned = encodeDer(
    SEQUENCE,
    // A serial number must be positive: the leading byte keeps the sign bit clear.
    encodeDer(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    sha256WithRsa,
    name,
    validity,
    name,
    keys.publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', toBeSigned, keys.privateKey);
  return encodeDer(
    SEQUENCE,
    toBeSigned,
    sha256WithRsa,
    encodeDer(0x03, Buffer.concat([Buffer.alloc(1), signature])),
  );
}

/** Key and certificate in PEM, for TLS at the name `localhost`. */
export function createTlsIdentity(keys: { privateKey: KeyObject; publicKey: KeyObject }): TlsIdentity {
  const lines =
    createSelfSignedCertificate(keys, 'localhost')
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

function encodeDer(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), encodeLength(content), content]);
}

function encodeLength({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  const significant = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([0x80 | significant.length]), significant]);
}
