/**
 * Encryption of the values in Redis: AES-256-GCM over JSON, bound to the Redis key of the value, so that the values of
 * two users cannot be swapped. Keys rotate: a previous key still decrypts. Without a key, values are plain JSON.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

export interface Encryption {
  encrypt(plain: string, redisKey: string): string;
  /** Undefined for a value that no key decrypts. */
  decrypt(encrypted: string, redisKey: string): string | undefined;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 4;
const HEADER_BYTES = KEY_ID_BYTES + IV_BYTES + TAG_BYTES;
const ALGORITHM = 'aes-256-gcm';

/** @param keys of 32 bytes each: the first encrypts, all decrypt. None: values stay plain. */
export function createEncryption(keys: readonly Uint8Array[]): Encryption {
  const [current] = keys;
  if (current === undefined) return { encrypt: (plain) => plain, decrypt: (encrypted) => encrypted };
  const keyById = new Map(keys.map((key) => [keyId(key).toString('hex'), key]));

  return {
    encrypt(plain, redisKey) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, current, iv).setAAD(Buffer.from(redisKey));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([keyId(current), iv, cipher.getAuthTag(), body]).toString('base64');
    },
    decrypt(encrypted, redisKey) {
      const bytes = Buffer.from(encrypted, 'base64');
      const key = keyById.get(bytes.subarray(0, KEY_ID_BYTES).toString('hex'));
      if (key === undefined || bytes.length < HEADER_BYTES) return undefined;
      const iv = bytes.subarray(KEY_ID_BYTES, KEY_ID_BYTES + IV_BYTES);
      const tag = bytes.subarray(KEY_ID_BYTES + IV_BYTES, HEADER_BYTES);
      const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(redisKey)).setAuthTag(tag);
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
