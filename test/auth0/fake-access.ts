/** What a request to the Management API takes beside a network: a token, and admission. */
import type { RequestScheduler } from '../../src/auth0/request-scheduler.ts';
import type { TokenProvider } from '../../src/auth0/token-provider.ts';

/** Gives `token-1`, and the next one after each rejection. */
export function createFakeTokens(): TokenProvider & { readonly rejected: readonly string[] } {
  const rejected: string[] = [];
  return {
    rejected,
    getToken: async () => ({ value: `token-${rejected.length + 1}`, scopes: undefined }),
    invalidate: ({ value }) => {
      rejected.push(value);
    },
    isHealthy: () => true,
  };
}

/** A budget without end. */
export const unlimitedScheduler: RequestScheduler = {
  acquire: () => Promise.resolve(),
  updateFromHeaders: () => undefined,
};
