/** A map with a maximum number of entries, which allocates nothing for entries that do not exist yet. */
import { LRUCache } from 'lru-cache';

/**
 * @returns a map that drops the least recently used entries beyond `maxEntries`. With `max`, lru-cache allocates lists
 * of that length at once. With a size of one for each entry, the lists grow with the number of entries.
 */
export function createBoundedMap<V extends object | string | number | boolean>(
  maxEntries: number,
): LRUCache<string, V> {
  return new LRUCache<string, V>({ maxSize: maxEntries, sizeCalculation: () => 1 });
}
