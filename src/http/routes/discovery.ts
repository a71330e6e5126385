/** Documents about this service that need no token: RFC 9728, and the operator's schema. */
import { canonicalJson, type JsonObject } from '../../lib/json.ts';
import { representShared, type SharedRepresentation } from '../../metadata/representation.ts';
import { RESOURCE_METADATA_PATH } from '../middleware/public-address.ts';
import { getContext } from '../middleware/request-context.ts';
import type { DocumentOptions } from '../openapi/document.ts';
import { chooseLanguage } from '../request-options.ts';
import { sendPublic } from '../response.ts';
import { type Route, createRoute } from './route.ts';

export interface DiscoveryOptions {
  readonly audience: string;
  readonly issuers: readonly string[];
  readonly scopes: readonly string[];
  readonly algorithms: readonly string[];
  readonly dpopRequired: boolean;
  /** The operator's JSON Schema of `user_metadata`, if there is one. */
  readonly metadataSchema: JsonObject | undefined;
  /** The language of its annotations, if that is known. */
  readonly metadataLanguage: string | undefined;
  /** The same schema in other languages. */
  readonly localizedSchemas: Readonly<Record<string, JsonObject>>;
}

/** What an app may store where the operator asks for nothing in particular. */
const ANY_OBJECT = { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' };

export function createDiscoveryRoutes({
  audience,
  issuers,
  scopes,
  algorithms,
  dpopRequired,
  metadataSchema = ANY_OBJECT,
  metadataLanguage,
  localizedSchemas,
}: DiscoveryOptions): readonly Route[] {
  const described = new Map<string, SharedRepresentation>();

  /** One shared answer for each identifier, of which there are as many as configured addresses. */
  function describe(identifier: string): SharedRepresentation {
    const known = described.get(identifier);
    if (known) return known;
    const document: JsonObject = {
      resource: identifier,
      authorization_servers: [...issuers],
      scopes_supported: [...scopes],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: [...algorithms],
      dpop_bound_access_tokens_required: dpopRequired,
    };
    const description = representShared(canonicalJson(document));
    described.set(identifier, description);
    return description;
  }

  // In the author's order: a form shows the properties as they come.
  const schema = representShared(JSON.stringify(metadataSchema));
  const localized = new Map(
    Object.entries(localizedSchemas).map(([tag, each]) => [tag, representShared(JSON.stringify(each))]),
  );
  const languages = [...(metadataLanguage === undefined ? [] : [metadataLanguage]), ...localized.keys()];
  const vary = localized.size === 0 ? {} : { Vary: 'Accept-Language, Origin' };
  return [
    createRoute(RESOURCE_METADATA_PATH, {
      GET(req, res) {
        // RFC 9728 section 3.3: a client compares it with the address at which it asked.
        const document = describe(getContext(req).base?.url ?? audience);
        sendPublic(req, res, document, 'application/json; charset=utf-8');
      },
    }),
    createRoute('/schemas/user-metadata', {
      GET(req, res) {
        const language = chooseLanguage(req.headers['accept-language'], languages) ?? metadataLanguage;
        const document = (language === undefined ? undefined : localized.get(language)) ?? schema;
        const headers = { 'Content-Language': language, ...vary };
        sendPublic(req, res, document, 'application/schema+json; charset=utf-8', headers);
      },
    }),
  ];
}

// `/openapi.json`: the description of this interface for machines. It is made on the first request for it,
// because making it takes as long as a tenth of the start.

export function createOpenApiRoutes(options: DocumentOptions): readonly Route[] {
  let made: Promise<SharedRepresentation> | undefined;

  async function make(): Promise<SharedRepresentation> {
    const { createOpenApiDocument } = await import('../openapi/document.ts');
    return representShared(createOpenApiDocument(options));
  }

  return [
    createRoute('/openapi.json', {
      async GET(req, res) {
        made ??= make();
        sendPublic(req, res, await made, 'application/json; charset=utf-8');
      },
    }),
  ];
}
