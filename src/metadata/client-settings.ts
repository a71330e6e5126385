/**
 * `client_metadata` of the application that calls: settings the operator keeps with it, of which callers
 * may read the allow-listed part.
 */
import type { JsonObject } from '../lib/json.ts';
import { pick } from './policy.ts';
import type { Cached, ReadCache } from './ports.ts';

export interface ClientSettings {
  /** The readable settings of one application. */
  read(clientId: string, options?: { readonly revalidate?: boolean }): Promise<Cached<JsonObject>>;
}

export function createClientSettings(
  { cache }: { readonly cache: ReadCache<JsonObject> },
  { readable }: { readonly readable: ReadonlySet<string> },
): ClientSettings {
  return {
    async read(clientId, options) {
      const read = await cache.read(clientId, options);
      // A copy may have been kept under an earlier policy that listed more.
      return { ...read, value: pick(read.value, (key) => readable.has(key)) };
    },
  };
}
