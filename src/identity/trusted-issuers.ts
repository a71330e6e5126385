/**
 * The issuers whose tokens are accepted: one tenant, by each of its domains. Each has keys of its own, and a key of
 * one verifies no token of another.
 */
import type { Caller } from './caller.ts';
import { keyMaterial, type KeySet, type KeyState, type SigningKeys, withoutSlash } from './signing-keys.ts';
import { OTHER_ISSUER, tokenRefused } from './access-token.ts';

export interface TrustedIssuers {
  readonly all: readonly SigningKeys[];
  /**
   * The keys to verify a token with that names this issuer and key, before anything of it is verified.
   * @throws AppError `token_invalid` for an issuer that is not listed, of which nothing is fetched;
   * `keys_unavailable` as `SigningKeys` does.
   */
  keysFor(issuer: unknown, keyId: string | undefined): Promise<KeySet>;
  /** Whether these very keys still are those of their issuer. */
  isCurrent(keySet: KeySet): boolean;
  /** Whether tokens of at least one issuer can be verified without asking it. */
  ready(): boolean;
  /** Whether those of each can. */
  complete(): boolean;
  /** The worst of all. */
  state(): KeyState;
  /**
   * Calls `end` once when the key that verified the caller's token is no longer the issuer's, at once if that is so
   * already. Returns the function that ends the watch.
   */
  watchRevoked(caller: Pick<Caller, 'issuer' | 'keyId'>, end: () => void): () => void;
}

interface Watcher {
  readonly keyId: string | undefined;
  readonly material: string;
  readonly end: () => void;
}

const WORST_FIRST: readonly KeyState[] = ['none', 'stale', 'fresh'];
/** What `keyMaterial` answers where the key is not held. */
const NO_KEY = keyMaterial(undefined, undefined);
const NOTHING_TO_END = (): void => undefined;

export function createTrustedIssuers(all: readonly SigningKeys[]): TrustedIssuers {
  // Auth0 writes the slash at the end; where discovery names the issuer without it, its tokens do, too.
  const byName = new Map(all.map((keys) => [withoutSlash(keys.issuer), keys]));
  const watchers = new Map(all.map((keys) => [keys, new Set<Watcher>()]));

  for (const [keys, watching] of watchers) {
    keys.onChange(() => {
      const held = keys.held();
      const materials = new Map<string | undefined, string>();
      for (const watcher of watching) {
        const { keyId, material, end } = watcher;
        const now = materials.get(keyId) ?? keyMaterial(held, keyId);
        materials.set(keyId, now);
        if (now === material) continue;
        watching.delete(watcher);
        end();
      }
    });
  }

  function find(issuer: unknown): SigningKeys | undefined {
    return typeof issuer === 'string' ? byName.get(withoutSlash(issuer)) : undefined;
  }

  return {
    all,
    async keysFor(issuer, keyId) {
      const keys = find(issuer);
      if (keys === undefined) throw tokenRefused(OTHER_ISSUER);
      return keys.forKeyId(keyId);
    },
    isCurrent: (keySet) => all.some((keys) => keys.held() === keySet),
    ready: () => all.some((keys) => keys.ready()),
    complete: () => all.every((keys) => keys.ready()),
    state() {
      const states = new Set(all.map((keys) => keys.state()));
      return WORST_FIRST.find((state) => states.has(state)) ?? 'none';
    },
    watchRevoked({ issuer, keyId }, end) {
      const keys = find(issuer);
      const watching = keys && watchers.get(keys);
      const material = keyMaterial(keys?.held(), keyId);
      if (watching === undefined || material === NO_KEY) {
        end();
        return NOTHING_TO_END;
      }
      const watcher = { keyId, material, end };
      watching.add(watcher);
      return () => void watching.delete(watcher);
    },
  };
}
