/** Rules for tests that are not about rules: every application sees and changes everything, no write waits. */
import type { DocumentLimits } from '../../src/metadata/document.ts';
import { type AccessPolicy, createAccess } from '../../src/metadata/policy.ts';
import type { WriteLock } from '../../src/metadata/ports.ts';
import { createSchemaRules } from '../../src/metadata/schema-rules.ts';
import type { MetadataRules } from '../../src/metadata/service.ts';

export const LIMITS: DocumentLimits = { maxBytes: 8192, maxKeys: 100, maxDepth: 10 };

/** What a token with the general scopes may do. */
export const FREE_POLICY: AccessPolicy = {
  scopes: { readMetadata: 'read:metadata', updateMetadata: 'update:metadata' },
  scopedKeys: {},
  clients: {},
  delegation: { access: 'read', actors: [] },
};

/** Of such a token, for a user in person. */
export const GENERAL = {
  scopes: new Set(['read:metadata', 'update:metadata']),
  actor: undefined,
  mappedClaims: {},
};

export function freeRules(limits: DocumentLimits = LIMITS): MetadataRules {
  return {
    limits,
    schema: createSchemaRules(undefined),
    deadlineMs: 7_000,
    getAccess: createAccess(FREE_POLICY),
    appMetadataReadable: new Set(),
    claims: {},
    erasesWriteOnce: false,
    timeOfDay: { now: () => 0 },
  };
}

/** The lock of a replica that is alone, or that must not rely on one. */
export const freeLock: WriteLock = {
  withLock: (_userId, task) => task({ refresh: () => Promise.resolve(), keepForBound: () => undefined }),
};
