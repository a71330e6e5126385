/**
 * Refuses requests that the parser lets pass, although two readers could understand them differently, or
 * although they hold more fields than anybody needs. Node itself would drop fields beyond a number of its
 * own without a word, an `If-Match` among them.
 */
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../../lib/app-error.ts';
import { HEADER_FIELDS_MAX } from '../server/limits.ts';
import { contextOf, setHeader } from './request-context.ts';

/** Of these a request has one; who sees another one than we do, sees another request. */
const SINGLE_FIELDS = new Set(['authorization', 'host', 'content-type', 'dpop']);

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)(\/?.*)$/i;

/** Stands for a target that names no resource of any HTTP server; a client that sends it gets the same answer. */
const UNUSABLE_TARGET = '/%unusable-target';

/**
 * What RFC 9112 section 3.2 keeps out of a request target, and Node's parser lets pass. The router would hand such a
 * target to Node's legacy URL parser, which can find a host or no path at all in it.
 */
const NOT_IN_A_TARGET = /[#\s]/;

/**
 * Makes a request for a whole address one for its path at its host (RFC 9112 section 3.2.2), before any other part
 * reads it. Any other target must be a path or `*`: the router passes over what has no path, without an answer of ours.
 */
export function toOriginForm(req: IncomingMessage): void {
  const { url = '' } = req;
  if (NOT_IN_A_TARGET.test(url)) {
    req.url = UNUSABLE_TARGET;
    return;
  }
  if (url.startsWith('/') || url === '*') return;
  const [, host, rest = ''] = ABSOLUTE_FORM.exec(url) ?? [];
  if (host === undefined) {
    req.url = UNUSABLE_TARGET;
    return;
  }
  req.headers.host = host;
  req.url = rest.startsWith('/') ? rest : `/${rest}`;
}

/** @throws AppError `headers_too_large` or `request_malformed`. */
export const requestBounds: RequestHandler = (req, _res, next) => {
  const fault = faultOf(req);
  if (fault) {
    // Whoever sends such things may have more of them underway.
    setHeader(contextOf(req).headers, 'Connection', 'close');
    throw fault;
  }
  next();
};

function faultOf({ url, rawHeaders, headers, httpVersion }: IncomingMessage): AppError | undefined {
  if (url === UNUSABLE_TARGET) {
    return malformed(
      'The request target must be a path, or an http(s) address with a host, and have no fragment.',
    );
  }
  if (rawHeaders.length > 2 * HEADER_FIELDS_MAX) {
    return new AppError('headers_too_large', `A request may have ${HEADER_FIELDS_MAX} header fields.`);
  }
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return malformed('This service speaks HTTP/1.1.');
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!SINGLE_FIELDS.has(name)) continue;
    if (seen.has(name)) return malformed(`The header field ${name} may be sent once.`);
    seen.add(name);
  }
  // Required of HTTP/1.1 only (RFC 9112 section 3.2); health checks of load balancers often speak HTTP/1.0 without it.
  if (httpVersion !== '1.0' && !seen.has('host')) return malformed('The header field host is missing.');
  const coding = headers['transfer-encoding'];
  // RFC 9112 section 6.1: such framing is faulty, and an intermediary may have understood it differently.
  if (coding !== undefined && httpVersion === '1.0') return malformed('HTTP/1.0 knows no transfer coding.');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return malformed('The only transfer coding understood is chunked.');
  }
  return undefined;
}

function malformed(message: string): AppError {
  return new AppError('request_malformed', message);
}
