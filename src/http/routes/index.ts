/** Every resource of the public listener, in one place. */
import type { ClientSettings, ScopedKeys } from '../../metadata/policy.ts';
import type { MetadataService } from '../../metadata/service.ts';
import type { BodyReader } from '../body.ts';
import type { Guard } from '../middleware/authorize.ts';
import type { PartialScopes, Route } from './route.ts';
import { createClientMetadataRoutes } from './client-metadata.ts';
import { createCompatRoutes, READ_SCOPES, UPDATE_SCOPES } from './compat.ts';
import { type DiscoveryOptions, createDiscoveryRoutes, createOpenApiRoutes } from './discovery.ts';
import { createDocsRoutes } from './docs.ts';
import { createEventRoutes, type Streaming, type StreamingOptions } from './events.ts';
import { createMetadataRoutes } from './metadata.ts';
import { createProfileRoutes } from './profile.ts';

export interface ScopeNames {
  readonly readMetadata: string;
  readonly updateMetadata: string;
  readonly readAppMetadata: string;
  readonly readClientMetadata: string;
}

export interface RoutesOptions extends Omit<DiscoveryOptions, 'scopes'> {
  /** Addresses at which callers reach the service, if any are configured. */
  readonly publicUrls: readonly string[];
  readonly publicHealth: boolean;
  readonly scopes: ScopeNames;
  /** By scope: the keys that it opens. */
  readonly scopedKeys: Readonly<Record<string, ScopedKeys>>;
  readonly requireIfMatch: boolean;
  /** Whether the drop-in for the Management API is offered. */
  readonly compat: boolean;
  /** Whether the page that shows the OpenAPI document is served. */
  readonly docs: boolean;
  /** The operator's own words for readers of the OpenAPI document, in Markdown. */
  readonly docsNote?: string | undefined;
  /** Whether the policy lets anything of `app_metadata` be read. */
  readonly readsAppMetadata: boolean;
  readonly streaming: StreamingOptions;
}

interface Dependencies {
  readonly service: MetadataService;
  readonly settings: ClientSettings;
  readonly guard: Guard;
  readonly bodies: BodyReader;
  readonly streaming: Streaming;
}

export function createRoutes(
  { service, settings, guard, bodies, streaming }: Dependencies,
  {
    scopes,
    scopedKeys,
    requireIfMatch,
    compat,
    docs,
    docsNote,
    readsAppMetadata,
    publicUrls,
    publicHealth,
    streaming: bounds,
    ...discovery
  }: RoutesOptions,
): readonly Route[] {
  const readScope = scopes.readMetadata;
  const partial = getPartialScopes(scopedKeys);
  return [
    ...createMetadataRoutes(
      { service, guard, bodies },
      { readScope, updateScope: scopes.updateMetadata, partial, requireIfMatch },
    ),
    ...createProfileRoutes(
      { service, guard },
      { readScope, partial, appMetadataScope: scopes.readAppMetadata },
    ),
    ...createEventRoutes({ ...streaming, guard }, { ...bounds, readScope, partial }),
    ...createClientMetadataRoutes({ settings, guard }, { readScope: scopes.readClientMetadata }),
    ...createDiscoveryRoutes({
      ...discovery,
      scopes: [
        ...Object.values(scopes),
        ...Object.keys(scopedKeys),
        ...(compat ? [...READ_SCOPES, ...UPDATE_SCOPES] : []),
      ],
    }),
    ...createOpenApiRoutes({
      ...discovery,
      scopes,
      scopedKeys,
      partial,
      compat,
      docs,
      docsNote,
      requireIfMatch,
      publicUrls,
      publicHealth,
    }),
    ...(docs ? createDocsRoutes() : []),
    ...(compat
      ? createCompatRoutes(
          { service, guard, bodies },
          { scopes, partial, appMetadataScope: readsAppMetadata ? scopes.readAppMetadata : undefined },
        )
      : []),
  ];
}

function getPartialScopes(scopedKeys: RoutesOptions['scopedKeys']): PartialScopes {
  const opening = (right: keyof ScopedKeys) =>
    Object.entries(scopedKeys).flatMap(([scope, keys]) => (keys[right].length > 0 ? [scope] : []));
  return { read: opening('readable'), update: opening('writable') };
}
