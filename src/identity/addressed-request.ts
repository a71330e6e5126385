/**
 * A request at the address that its caller sees. express-oauth2-jwt-bearer compares `htu` of a DPoP proof (RFC 9449
 * section 4.3) with an address that it reads from the request's own fields, which its sender chooses.
 */
import type { Request } from 'express';

export interface RequestAddress {
  readonly protocol: string;
  readonly host: string;
  /** With the query. */
  readonly path: string;
}

/** The same request for a reader of its address; everything else is that of the original. */
export function atAddress(req: Request, { protocol, host, path }: RequestAddress): Request {
  const headers = new Map([
    ['host', host],
    ['x-forwarded-host', undefined],
  ]);
  const addressed: Request = Object.create(req, {
    protocol: { value: protocol },
    originalUrl: { value: path },
    get: {
      value: (name: string) =>
        headers.has(name.toLowerCase()) ? headers.get(name.toLowerCase()) : req.get(name),
    },
  });
  return addressed;
}
