/**
 * Values as Redis holds them: JSON, and with a key AES-256-GCM over it, bound to the place where the value
 * stands so that nobody can swap two users'. Keys rotate: a previous one still opens.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

export interface Seal {
  seal(plain: string, place: string): string;
  /** Undefined for anything that no held key opens. */
  open(sealed: string, place: string): string | undefined;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 4;
const HEADER_BYTES = KEY_ID_BYTES + IV_BYTES + TAG_BYTES;
const ALGORITHM = 'aes-256-gcm';

/** @param keys of 32 bytes each: the first seals, all open. None: values stay plain. */
export function createSeal(keys: readonly Uint8Array[]): Seal {
  const [current] = keys;
  if (current === undefined) return { seal: (plain) => plain, open: (sealed) => sealed };
  const keyById = new Map(keys.map((key) => [keyId(key).toString('hex'), key]));

  return {
    seal(plain, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, current, iv).setAAD(Buffer.from(place));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([keyId(current), iv, cipher.getAuthTag(), body]).toString('base64');
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed, 'base64');
      const key = keyById.get(bytes.subarray(0, KEY_ID_BYTES).toString('hex'));
      if (key === undefined || bytes.length < HEADER_BYTES) return undefined;
      const iv = bytes.subarray(KEY_ID_BYTES, KEY_ID_BYTES + IV_BYTES);
      const tag = bytes.subarray(KEY_ID_BYTES + IV_BYTES, HEADER_BYTES);
      const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place)).setAuthTag(tag);
      try {
        return decipher.update(bytes.subarray(HEADER_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

function keyId(key: Uint8Array): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES);
}
