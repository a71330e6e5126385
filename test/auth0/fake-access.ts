/** What a request to the Management API takes beside a network: a token, and admission. */
import type { Governor } from '../../src/auth0/request-scheduler.ts';
import type { TokenProvider } from '../../src/auth0/token-provider.ts';

/** Gives `token-1`, and the next one after each rejection. */
export function createFakeTokens(): TokenProvider & { readonly rejected: readonly string[] } {
  const rejected: string[] = [];
  return {
    rejected,
    token: async () => ({ value: `token-${rejected.length + 1}`, scopes: undefined }),
    reject: ({ value }) => {
      rejected.push(value);
    },
    healthy: () => true,
  };
}

/** A budget without end. */
export const freeGovernor: Governor = { admit: () => Promise.resolve(), learn: () => undefined };
