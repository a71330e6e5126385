/** Header fields of requests and answers, each described once and referred to by name. */
import type { oas31 } from 'zod-openapi';

interface Field {
  readonly description: string;
  readonly example: string;
}

// Without examples of their own: pages that try a request out would send them.
const REQUEST_HEADERS = {
  'If-Match':
    'Answer only if the resource still has one of these quoted tags, or exists at all (`*`); otherwise 412, with the current state where it is the caller’s own. On a write, it is judged by what Auth0 holds.',
  'If-None-Match':
    'On a read: answer 304 if the resource still has one of these quoted tags. On a write: `*` asks that nothing is there yet.',
  Prefer: '`return=minimal` asks for 204 in place of the resulting document. Of several, the first counts.',
  'Cache-Control': '`no-cache` asks for a read from the identity provider. It counts as a write.',
  'Last-Event-ID': 'The `id` of the last event that was received: whatever came later is told at once.',
  DPoP: 'The proof (RFC 9449) that goes with a token sent as `Authorization: DPoP ...`.',
  'X-Request-Id':
    'An id of the caller’s own for this request, of 8 to 64 letters, digits, `-` and `_`. Any other is replaced.',
} as const satisfies Record<string, string>;

const RESPONSE_HEADERS = {
  'Accept-Patch': {
    description: 'The media types of a PATCH body.',
    example: 'application/merge-patch+json, application/json',
  },
  Accept: { description: 'The media types of a PUT body.', example: 'application/json' },
  'Accept-Encoding': {
    description: 'The content codings of a body, where another one was sent.',
    example: 'gzip, deflate, br',
  },
  Age: { description: 'Seconds since the identity provider was asked.', example: '19' },
  Allow: { description: 'The methods of this resource.', example: 'GET, HEAD, OPTIONS' },
  'Cache-Control': {
    description:
      '`private, no-cache` where the answer is the caller’s own, `public` for documents that are the same for everybody, `no-store` for errors.',
    example: 'private, no-cache',
  },
  'Cache-Status': {
    description: 'Where the answer came from (RFC 9211). A negative `ttl` is how long a copy has been stale.',
    example: 'metadata-bff; hit; ttl=41',
  },
  'Content-Disposition': {
    description: 'With `download=1`: offers the answer as a file.',
    example: 'attachment; filename="my-profile.json"',
  },
  'Content-Security-Policy': {
    description: 'What the page may load and reach: this service only.',
    example: "default-src 'none'; script-src 'self'",
  },
  ETag: {
    description: 'The strong tag of exactly this representation.',
    example: '"3q2-7wAAAAAAAAAAAAAAAAAA"',
  },
  'Metadata-Quota': {
    description: 'Bytes that the metadata may have, and has.',
    example: 'limit=8192, used=311',
  },
  'Preference-Applied': { description: 'The preference that was honoured.', example: 'return=minimal' },
  RateLimit: {
    description:
      'What is left (`r`) of the limit that this request counted against, and the seconds until it is whole again (`t`). Absent where the operator has turned the limit off.',
    example: '"writes";r=29;t=60',
  },
  'RateLimit-Policy': {
    description:
      'That limit: how many (`q`) in how many seconds (`w`). It is `reads` or `writes` of the user; in a 429 also `auth-failures` of the address.',
    example: '"writes";q=30;w=60',
  },
  'Retry-After': { description: 'Seconds after which it is worth trying again.', example: '2' },
  Vary: { description: 'The request fields that the answer depends on.', example: 'Authorization, Origin' },
  'WWW-Authenticate': {
    description:
      'The challenge: what was wrong, the scope it takes, and where this API is described (RFC 6750, 9449, 9728).',
    example:
      'Bearer realm="metadata-bff", error="insufficient_scope", error_description="The access token lacks the scope read:metadata.", scope="read:metadata"',
  },
  'X-Accel-Buffering': {
    description: '`no`: proxies must pass on each event as it comes.',
    example: 'no',
  },
  'X-Request-Id': {
    description: 'The id of this request, to quote in a report.',
    example: 'checkout-1f0c9a4e',
  },
} as const satisfies Record<string, Field>;

/** Those of every answer to a caller who is known. */
export const COUNTED: readonly ResponseHeader[] = ['RateLimit', 'RateLimit-Policy'];

export type RequestHeader = keyof typeof REQUEST_HEADERS;
export type ResponseHeader = keyof typeof RESPONSE_HEADERS;

const text = { type: 'string' } as const;

/** `components.headers`: every response header by its own name. */
export function headerComponents(): Record<string, oas31.HeaderObject> {
  return mapValues(RESPONSE_HEADERS, (field) => ({ ...field, schema: text }));
}

/** `components.parameters`: every request header by its own name. */
export function parameterComponents(): Record<string, oas31.ParameterObject> {
  return mapValues(REQUEST_HEADERS, (description, name) => ({
    name,
    in: 'header',
    description,
    schema: text,
  }));
}

/** References to the components of the named response headers. */
export function responseHeaders(names: readonly ResponseHeader[]): Record<string, oas31.ReferenceObject> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** References to the components of the named request headers. */
export function requestHeaders(names: readonly RequestHeader[]): oas31.ReferenceObject[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
