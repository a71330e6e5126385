/** A map with a maximum number of entries, which allocates nothing for entries that do not exist yet. */
import { LRUCache } from 'lru-cache';

/**
 * @returns a map that drops the least recently used entries beyond `maxEntries`. Told a `max`, lru-cache makes its
 * lists as long as
 * that at once; by size, one for each entry, they grow with what is held.
 */
export function createBoundedMap<V extends object | string | number | boolean>(
  maxEntries: number,
): LRUCache<string, V> {
  return new LRUCache<string, V>({ maxSize: maxEntries, sizeCalculation: () => 1 });
}
