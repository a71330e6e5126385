/** A map that holds so many entries and no more, without setting room aside for those that may never come. */
import { LRUCache } from 'lru-cache';

/**
 * @returns a map that forgets the least recently used beyond `maxEntries`. Told a `max`, lru-cache makes its lists as long as
 * that at once; by size, one for each entry, they grow with what is held.
 */
export function boundedMap<V extends object | string | number | boolean>(
  maxEntries: number,
): LRUCache<string, V> {
  return new LRUCache<string, V>({ maxSize: maxEntries, sizeCalculation: () => 1 });
}
