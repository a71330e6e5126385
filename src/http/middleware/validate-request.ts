/**
 * Refuses requests that the parser accepts although two readers could understand them differently, or although they
 * have too many headers. Node itself would drop headers beyond a number of its own, an `If-Match` among them.
 */
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../../lib/app-error.ts';
import { MAX_HEADERS } from '../server/limits.ts';
import { getContext, setHeader } from './request-context.ts';

/** A request has one of each. A reader that takes another of two reads another request. */
const SINGLE_HEADERS = new Set(['authorization', 'host', 'content-type', 'dpop']);

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)(\/?.*)$/i;

/** Replaces a target that no HTTP server has. A client that sends this itself gets the same answer. */
const UNUSABLE_TARGET = '/%unusable-target';

/**
 * What RFC 9112 section 3.2 keeps out of a request target, and Node's parser lets pass. The router would hand such a
 * target to Node's legacy URL parser, which can find a host or no path at all in it.
 */
const NOT_IN_A_TARGET = /[#\s]/;

/**
 * Makes a request for a whole address one for its path at its host (RFC 9112 section 3.2.2), before any other part
 * reads it. Any other target must be a path or `*`: the router ignores what has no path, and sends no answer.
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
export const validateRequest: RequestHandler = (req, _res, next) => {
  const error = findRequestError(req);
  if (error) {
    // What follows on the connection cannot be trusted.
    setHeader(getContext(req).headers, 'Connection', 'close');
    throw error;
  }
  next();
};

function findRequestError({ url, rawHeaders, headers, httpVersion }: IncomingMessage): AppError | undefined {
  if (url === UNUSABLE_TARGET) {
    return malformed(
      'The request target must be a path, or an http(s) address with a host, and have no fragment.',
    );
  }
  if (rawHeaders.length > 2 * MAX_HEADERS) {
    return new AppError('headers_too_large', `A request may have at most ${MAX_HEADERS} headers.`);
  }
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    return malformed('Only HTTP/1.1 and HTTP/1.0 are supported.');
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name)) return malformed(`The header ${name} may be sent only once.`);
    seen.add(name);
  }
  // Required of HTTP/1.1 only (RFC 9112 section 3.2); health checks of load balancers often speak HTTP/1.0 without it.
  if (httpVersion !== '1.0' && !seen.has('host')) return malformed('The header host is missing.');
  const coding = headers['transfer-encoding'];
  // RFC 9112 section 6.1: such framing is faulty, and an intermediary may have read it differently.
  if (coding !== undefined && httpVersion === '1.0') return malformed('HTTP/1.0 has no transfer codings.');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return malformed('The only transfer coding supported is chunked.');
  }
  return undefined;
}

function malformed(message: string): AppError {
  return new AppError('request_malformed', message);
}
