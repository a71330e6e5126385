/** `Cache-Status` (RFC 9211): where an answer came from, told truly in every case. */
import type { Freshness } from '../metadata/ports.ts';

export function cacheStatus(freshness: Freshness): string {
  return `metadata-bff; ${parameters(freshness)}`;
}

function parameters(freshness: Freshness): string {
  switch (freshness.kind) {
    case 'hit':
      return `hit; ttl=${freshness.ttlSeconds}`;
    case 'miss':
      return freshness.stored ? 'fwd=miss; stored' : 'fwd=miss';
    case 'collapsed':
      return 'fwd=miss; collapsed';
    case 'request':
      return freshness.stored ? 'fwd=request; stored' : 'fwd=request';
    case 'stale-while-revalidate':
      return `hit; ttl=${freshness.ttlSeconds}; detail=revalidating`;
    case 'stale-if-error':
      return `hit; ttl=${freshness.ttlSeconds}; detail=stale-if-error`;
  }
}
