/** The headers that tell browsers to render, frame and sniff nothing of an API. */
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { getContext } from './request-context.ts';

declare module 'http' {
  // Node has it on every outgoing message; the types have it on requests only.
  // oxlint-disable-next-line no-unused-vars -- a declaration that is merged must repeat the parameter
  interface OutgoingMessage<Request extends IncomingMessage = IncomingMessage> {
    getRawHeaderNames(): string[];
  }
}

type HeaderMiddleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

/**
 * The headers that a middleware sets on the answer to such a request, as names and values in turn. Read once at start:
 * docs/performance.md says what it costs to run helmet and cors for each request.
 */
export function readHeaders(
  middleware: HeaderMiddleware,
  { method = 'GET', origin }: { readonly method?: string; readonly origin?: string } = {},
): readonly string[] {
  const request = new IncomingMessage(new Socket());
  request.method = method;
  if (origin !== undefined) request.headers.origin = origin;
  const response = new ServerResponse(request);
  middleware(request, response, () => undefined);
  return response.getRawHeaderNames().flatMap((name) => [name, String(response.getHeader(name))]);
}

/** Adds helmet's headers to every answer. */
export function createSecurityHeaders(): RequestHandler {
  const headers = readHeaders(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
      },
      referrerPolicy: { policy: 'no-referrer' },
      xFrameOptions: { action: 'deny' },
    }),
  );
  return function securityHeaders(req, _res, next) {
    getContext(req).headers.push(...headers);
    next();
  };
}
