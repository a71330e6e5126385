/**
 * Access tokens of an issuer that exists for the benchmark only. Signing a hundred thousand takes a minute
 * or two, so key and tokens are kept between runs, below `node_modules`, where nobody commits them.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../demo/package-root.ts';

export const ISSUER = 'https://issuer.example/';
export const AUDIENCE = 'https://metadata-bff.local';

export interface Issuer {
  readonly jwks: string;
  /** Tokens for as many users, who take turns. */
  tokens(count: number, users: number): Promise<readonly string[]>;
  /** Tokens whose time is over. */
  expired(count: number): Promise<readonly string[]>;
}

const DAY_SECONDS = 86_400;
/** Kept tokens live this long, and are made anew long before. */
const LIFETIME_DAYS = 30;
const KEPT_DAYS = 10;
const AT_ONCE = 200;
const HERE = join(packageRoot(import.meta.dirname), 'node_modules', '.cache', 'metadata-bff-bench');

const signAsync = promisify(
  (data: Buffer, key: KeyObject, callback: (error: Error | null, signature: Buffer) => void) =>
    sign('RSA-SHA256', data, key, callback),
);

export function openIssuer(log: (line: string) => void): Issuer {
  mkdirSync(HERE, { recursive: true, mode: 0o700 });
  const key = createPrivateKey(keptText('key.pem', newKey));
  const { n = '', e = '' } = createPublicKey(key).export({ format: 'jwk' });
  const kid = n.slice(0, 16);

  async function mint(index: number, users: number, expiresIn: number): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: ISSUER,
      sub: `auth0|${(index % users).toString(16).padStart(24, '0')}`,
      aud: [AUDIENCE, `${ISSUER}userinfo`],
      iat: now - (index % DAY_SECONDS),
      exp: now + expiresIn,
      scope: 'openid profile email read:metadata update:metadata',
      azp: 'the-single-page-application-00000',
    };
    const signed = `${part({ alg: 'RS256', typ: 'JWT', kid })}.${part(claims)}`;
    return `${signed}.${(await signAsync(Buffer.from(signed), key)).toString('base64url')}`;
  }

  async function mintAll(count: number, users: number, expiresIn: number): Promise<string[]> {
    const tokens: string[] = [];
    for (let from = 0; from < count; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, count - from);
      const group = Array.from({ length }, (_, offset) => mint(from + offset, users, expiresIn));
      tokens.push(...(await Promise.all(group)));
    }
    return tokens;
  }

  return {
    jwks: JSON.stringify({ keys: [{ kty: 'RSA', n, e, kid, alg: 'RS256', use: 'sig' }] }),
    expired: (count) => mintAll(count, count, -DAY_SECONDS),
    async tokens(count, users) {
      const name = `tokens-${kid}-${count}-${users}.txt`;
      if (!isKept(name)) {
        log(`signing ${count} tokens ...`);
        keep(name, (await mintAll(count, users, LIFETIME_DAYS * DAY_SECONDS)).join('\n'));
      }
      return readFileSync(join(HERE, name), 'utf8').split('\n');
    },
  };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function keptText(name: string, make: () => string): string {
  if (!existsSync(join(HERE, name))) keep(name, make());
  return readFileSync(join(HERE, name), 'utf8');
}

function isKept(name: string): boolean {
  const { mtimeMs } = statSync(join(HERE, name), { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
  return Date.now() - mtimeMs < KEPT_DAYS * DAY_SECONDS * 1000;
}

/** Whole or not at all: a run that is interrupted leaves no half a file. */
function keep(name: string, content: string): void {
  const draft = join(HERE, `${name}.${process.pid}`);
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, join(HERE, name));
}
