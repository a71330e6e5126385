/**
 * Header fields that are the same on every answer, or on every answer to pages of one origin. helmet and cors know which;
 * they are asked once, and what they said is set from then on.
 */
import cors from 'cors';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';
import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** An API serves no page: nothing of it may be rendered, framed or sniffed. */
export function securityHeaders(): RequestHandler {
  const fields = fieldsSetBy(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
      },
      referrerPolicy: { policy: 'no-referrer' },
      xFrameOptions: { action: 'deny' },
    }),
  );
  return (_req, res, next) => {
    setAll(res, fields);
    next();
  };
}

export interface CrossOriginOptions {
  /** Origins whose pages may read our answers, no others. `https://*.example.com`: any one label for the star. */
  readonly corsOrigins: readonly string[];
  /** Request headers beside those that the service reads itself. */
  readonly corsAllowedHeaders: readonly string[];
}

/** Request headers that pages need for what the service offers, and those that tracing adds to any request. */
const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'Auth0-Client',
  'DPoP',
  'If-Match',
  'If-None-Match',
  'Prefer',
  'Cache-Control',
  'Pragma',
  'Last-Event-ID',
  'X-Request-Id',
  'traceparent',
  'tracestate',
];

const EXPOSED_HEADERS = [
  'ETag',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Cache-Status',
  'Age',
  'Content-Disposition',
  'Metadata-Quota',
  'WWW-Authenticate',
  'DPoP-Nonce',
  'X-Request-Id',
];

const ALLOW_ORIGIN = 'Access-Control-Allow-Origin';

/**
 * Says on every answer which pages may read it (https://fetch.spec.whatwg.org/#http-cors-protocol), and on the answer to
 * a preflight what they may send. Comes before authentication, because a preflight carries no token.
 */
export function crossOrigin({ corsOrigins, corsAllowedHeaders }: CrossOriginOptions): RequestHandler {
  const known = new Set(ALLOWED_HEADERS.map((name) => name.toLowerCase()));
  const added = corsAllowedHeaders.filter((name) => !known.has(name.toLowerCase()));
  const middleware = cors({
    // Which origins are allowed is decided below; it would look through a list each time.
    origin: true,
    methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [...ALLOWED_HEADERS, ...added],
    exposedHeaders: EXPOSED_HEADERS.join(','),
    maxAge: 600,
    preflightContinue: true,
  });
  const isAllowed = matchOrigins(corsOrigins);
  const fields = createOriginFields((origin) => fieldsSetBy(middleware, 'GET', origin));
  const preflightFields = createOriginFields((origin) => fieldsSetBy(middleware, 'OPTIONS', origin));
  // An app that is no page of another origin needs none of it.
  const nowhere: Fields = [['Vary', 'Origin']];
  return (req, res, next) => {
    const { origin } = req.headers;
    if (origin === undefined) setAll(res, nowhere);
    else setAll(res, (req.method === 'OPTIONS' ? preflightFields : fields)(origin, isAllowed(origin)));
    next();
  };
}

/** Ends a preflight; a plain OPTIONS is a question about the resource, and is answered by it. */
export const answerPreflight: RequestHandler = (req, res, next) => {
  const { origin, 'access-control-request-method': method } = req.headers;
  if (req.method !== 'OPTIONS' || origin === undefined || method === undefined) next();
  else res.status(204).set('Content-Length', '0').end();
};

/** Whether an origin is one of the list, or any one label in place of a star in it. */
function matchOrigins(origins: readonly string[]): (origin: string) => boolean {
  const wildcards = origins.filter((origin) => origin.startsWith(ANY_LABEL));
  const suffixes = new Set(wildcards.map((origin) => origin.slice(ANY_LABEL.length)));
  const exact = new Set(origins.filter((origin) => !origin.startsWith(ANY_LABEL)));
  return (origin) => {
    if (exact.has(origin)) return true;
    const [, suffix] = FIRST_LABEL.exec(origin) ?? [];
    return suffix !== undefined && suffixes.has(suffix);
  };
}

/** What a wildcard begins with; what follows begins with a dot. */
const ANY_LABEL = 'https://*';
/** The characters that browsers leave in a label, punycode included. */
const FIRST_LABEL = /^https:\/\/[a-z0-9_-]+(\..+)$/;

/** The fields of an answer to a page; they differ in the origin alone, so that they are made once. */
function createOriginFields(make: (origin: string) => Fields) {
  const others = make('https://example.invalid').filter(([name]) => name !== ALLOW_ORIGIN);
  return (origin: string, allowed: boolean): Fields =>
    allowed ? [[ALLOW_ORIGIN, origin], ...others] : others;
}

function setAll(res: Response, fields: Fields): void {
  for (const [name, value] of fields) res.setHeader(name, value);
}

/** What a middleware sets on an answer. Neither of the two uses more of a response than these methods. */
function fieldsSetBy(
  middleware: ReturnType<typeof helmet> | RequestHandler,
  method = 'GET',
  origin?: string,
): Fields {
  const fields = new Map<string, string>();
  const response = {
    getHeader: (name: string) => fields.get(name),
    setHeader: (name: string, value: string) => fields.set(name, value),
    removeHeader: (name: string) => fields.delete(name),
  };
  Reflect.apply(middleware, undefined, [{ method, headers: { origin } }, response, () => undefined]);
  return [...fields];
}

// A response that keeps its header fields in one list and writes them in one piece. Node would file each of some
// twenty in an object under its lower-case name, to read them all from there again: docs/performance.md has what that
// takes. To whoever sets and reads fields, it is the response of Node.

type ListedFieldsFields = OutgoingHttpHeaders | readonly OutgoingHttpHeader[];

/** @returns the class whose responses do so. */
export function listingFields(Base: typeof ServerResponse): typeof ServerResponse {
  return class ListedFields<Req extends IncomingMessage = IncomingMessage> extends Base<Req> {
    /** Name, value, name, value: as `writeHead` takes them. */
    #fields: OutgoingHttpHeader[] = [];

    override setHeader(name: string, value: OutgoingHttpHeader | readonly string[]): this {
      // Too late, which Node knows how to say.
      if (this.headersSent) return super.setHeader(name, value);
      const kept = typeof value === 'object' ? [...value] : value;
      const index = this.#indexOf(name);
      if (index < 0) {
        this.#fields.push(name, kept);
      } else {
        this.#fields[index] = name;
        this.#fields[index + 1] = kept;
      }
      return this;
    }

    override appendHeader(name: string, value: string | readonly string[]): this {
      const known = this.getHeader(name);
      if (known === undefined) return this.setHeader(name, value);
      return this.setHeader(name, [known, value].flat().map(String));
    }

    override getHeader(name: string): OutgoingHttpHeader | undefined {
      const index = this.#indexOf(name);
      return index < 0 ? undefined : this.#fields[index + 1];
    }

    override hasHeader(name: string): boolean {
      return this.#indexOf(name) >= 0;
    }

    override removeHeader(name: string): void {
      if (this.headersSent) super.removeHeader(name);
      const index = this.#indexOf(name);
      if (index >= 0) this.#fields.splice(index, 2);
    }

    override getHeaderNames(): string[] {
      return pairsOf(this.#fields).map(([name]) => name.toLowerCase());
    }

    override getHeaders(): OutgoingHttpHeaders {
      return Object.fromEntries(pairsOf(this.#fields).map(([name, value]) => [name.toLowerCase(), value]));
    }

    /** Node comes here, too, when a response begins without it. */
    override writeHead(
      status: number,
      reason?: string | ListedFieldsFields,
      more?: ListedFieldsFields,
    ): this {
      const fields = typeof reason === 'object' ? reason : more;
      for (const [name, value] of fields ? pairsOf(fields) : []) this.setHeader(name, value);
      try {
        return typeof reason === 'string'
          ? super.writeHead(status, reason, this.#fields)
          : super.writeHead(status, this.#fields);
      } catch (error) {
        // Node would have refused it when it was set. It must not be in the way of the answer that says so.
        if (!this.headersSent) this.#fields = pairsOf(this.#fields).filter(isWritable).flat();
        throw error;
      }
    }

    #indexOf(name: string): number {
      for (let index = 0; index < this.#fields.length; index += 2) {
        const known = this.#fields[index];
        if (known === name) return index;
        if (typeof known !== 'string' || known.length !== name.length) continue;
        if (known.toLowerCase() === name.toLowerCase()) return index;
      }
      return -1;
    }
  };
}

type Field = [name: string, value: OutgoingHttpHeader];

function pairsOf(fields: ListedFieldsFields): Field[] {
  if (!isList(fields)) return Object.entries(fields).flatMap(([name, value = []]) => [[name, value]]);
  return fields.flatMap((name, index): Field[] =>
    index % 2 === 0 ? [[String(name), fields[index + 1] ?? '']] : [],
  );
}

function isList(fields: ListedFieldsFields): fields is readonly OutgoingHttpHeader[] {
  return Array.isArray(fields);
}

function isWritable([name, value]: Field): boolean {
  try {
    validateHeaderName(name);
    for (const one of [value].flat()) validateHeaderValue(name, String(one));
    return true;
  } catch {
    return false;
  }
}
