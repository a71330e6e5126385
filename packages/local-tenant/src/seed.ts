/**
 * The initial data of a tenant: two users who can log in, a single-page application, and a machine client with exactly
 * the scopes the backend-for-frontend needs. `POST /_local/reset` returns here.
 */
import type { TenantApi, TenantClient } from './tenant-options.ts';
import type { UserWrite } from './user-store.ts';

/** Scopes of the API audience that the SPA may be granted. */
export const apiScopes: readonly string[] = [
  'read:metadata',
  'update:metadata',
  'read:app_metadata',
  'read:client_metadata',
];

/** The API of the service. */
export const seedApis: readonly TenantApi[] = [{ identifier: 'https://metadata-bff.local' }];

/** Scopes of the Management API that a user may be granted for themself (Auth0's "current user" scopes). */
export const currentUserScopes: readonly string[] = [
  'read:current_user',
  'update:current_user_metadata',
  'create:current_user_metadata',
  'delete:current_user_metadata',
  'update:current_user_identities',
  'create:current_user_device_credentials',
  'delete:current_user_device_credentials',
];

const password = 'local';
const createdAt = '2026-01-15T09:30:00.000Z';

/** The seeded users by id. Each call returns new documents. */
export function seedUsers(): ReadonlyMap<string, UserWrite> {
  return new Map<string, UserWrite>([
    [
      'auth0|jane',
      {
        password,
        attributes: {
          ...createProfile('jane', 'Jane', 'Rivera'),
          user_metadata: {
            theme: 'dark',
            language: 'en',
            notifications: { email: true, push: false, digest: { frequency: 'weekly', day: 'monday' } },
          },
          app_metadata: { plan: 'pro', roles: ['member', 'editor'], stripe_customer_id: 'cus_local_jane' },
        },
      },
    ],
    [
      'auth0|omar',
      {
        password,
        attributes: {
          ...createProfile('omar', 'Omar', 'Haddad'),
          app_metadata: { plan: 'free', roles: ['member'] },
        },
      },
    ],
  ]);
}

/** The seeded applications. Each call returns new documents. */
export function seedClients(): readonly TenantClient[] {
  return [
    {
      client_id: 'local-spa',
      name: 'Local single-page app',
      description: 'The demonstration web page',
      callbacks: [],
      allowed_logout_urls: [],
      web_origins: [],
      client_metadata: {
        brand: 'Local',
        support_email: 'support@example.com',
        internal_cost_center: 'cc-1042',
      },
    },
    {
      client_id: 'local-bff',
      name: 'Local backend-for-frontend',
      app_type: 'non_interactive',
      client_secret: 'local-secret',
      description: 'The machine client of the proxy',
      grant_types: ['client_credentials'],
      grants: { management: ['read:users', 'update:users', 'read:clients', 'read:events'] },
    },
  ];
}

function createProfile(nickname: string, givenName: string, familyName: string) {
  return {
    created_at: createdAt,
    email: `${nickname}@example.com`,
    email_verified: true,
    name: `${givenName} ${familyName}`,
    given_name: givenName,
    family_name: familyName,
    nickname,
    picture: `https://cdn.example.com/avatars/${nickname}.png`,
    updated_at: createdAt,
  };
}
