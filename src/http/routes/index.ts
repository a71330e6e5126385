/** Every resource of the public listener, in one place. */
import type { ClientSettings } from '../../metadata/policy.ts';
import type { MetadataService } from '../../metadata/service.ts';
import type { BodyReader } from '../body.ts';
import type { Guard } from '../middleware/authorize.ts';
import type { Resource } from './route.ts';
import { clientMetadataRoutes } from './client-metadata.ts';
import { compatRoutes, READ_SCOPES, UPDATE_SCOPES } from './compat.ts';
import { type DiscoveryOptions, discoveryRoutes, openApiRoutes } from './discovery.ts';
import { docsPageRoutes } from './docs.ts';
import { eventRoutes, type Streaming, type StreamingOptions } from './events.ts';
import { metadataRoutes } from './metadata.ts';
import { profileRoutes } from './profile.ts';

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
  readonly requireIfMatch: boolean;
  /** Whether the drop-in for the Management API is offered. */
  readonly compat: boolean;
  /** Whether the page that shows the OpenAPI document is served. */
  readonly docs: boolean;
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
    requireIfMatch,
    compat,
    docs,
    readsAppMetadata,
    publicUrls,
    publicHealth,
    streaming: bounds,
    ...discovery
  }: RoutesOptions,
): readonly Resource[] {
  const readScope = scopes.readMetadata;
  return [
    ...metadataRoutes(
      { service, guard, bodies },
      { readScope, updateScope: scopes.updateMetadata, requireIfMatch },
    ),
    ...profileRoutes({ service, guard }, { readScope, appMetadataScope: scopes.readAppMetadata }),
    ...eventRoutes({ ...streaming, guard }, { ...bounds, readScope }),
    ...clientMetadataRoutes({ settings, guard }, { readScope: scopes.readClientMetadata }),
    ...discoveryRoutes({
      ...discovery,
      scopes: [...Object.values(scopes), ...(compat ? [...READ_SCOPES, ...UPDATE_SCOPES] : [])],
    }),
    ...openApiRoutes({ ...discovery, scopes, compat, docs, requireIfMatch, publicUrls, publicHealth }),
    ...(docs ? docsPageRoutes() : []),
    ...(compat
      ? compatRoutes(
          { service, guard, bodies },
          { appMetadataScope: readsAppMetadata ? scopes.readAppMetadata : undefined },
        )
      : []),
  ];
}
