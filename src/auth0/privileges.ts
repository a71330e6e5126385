/**
 * Least privilege: what the machine client may do at the Management API, compared with what the enabled
 * features need. `update:users` alone could change passwords, so nothing beyond the need should be held.
 */
import { SafeError } from '../lib/safe-error.ts';

export interface PrivilegeNeeds {
  readonly readsClientMetadata: boolean;
  readonly readsEvents: boolean;
}

export interface PrivilegeReport {
  /** Scopes that a feature needs and the client lacks, with that feature. */
  readonly missing: ReadonlyArray<{ readonly scope: string; readonly feature: string }>;
  /** Scopes that nothing here needs. */
  readonly unneeded: readonly string[];
}

export function comparePrivileges(held: readonly string[], needs: PrivilegeNeeds): PrivilegeReport {
  const needed = [
    { scope: 'read:users', feature: 'reading metadata' },
    { scope: 'update:users', feature: 'changing metadata' },
    ...(needs.readsClientMetadata ? [{ scope: 'read:clients', feature: '/client/metadata' }] : []),
    ...(needs.readsEvents ? [{ scope: 'read:events', feature: 'the change feed (AUTH0_EVENTS)' }] : []),
  ];
  return {
    missing: needed.filter(({ scope }) => !held.includes(scope)),
    unneeded: held.filter((scope) => !needed.some((need) => need.scope === scope)),
  };
}

/** The machine client holds more than the enabled features need. */
export class ExcessPrivileges extends SafeError {
  constructor(scopes: readonly string[]) {
    super(`the machine client holds scopes that nothing needs: ${scopes.join(' ')}`);
    this.name = 'ExcessPrivileges';
  }
}
