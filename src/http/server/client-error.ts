/**
 * The answer to bytes that are no request: a problem document written by hand, because there is no response
 * to write it with, and an end of the connection that leaves the client time to read it.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../../lib/app-error.ts';
import { renderProblem } from '../errors.ts';

export interface Refusal {
  readonly requestId: string;
  readonly code: string;
}

/** What a parser's error comes to, or undefined for a connection that broke, where nobody is left to be told. */
export function refusalOf({ code = '' }: NodeJS.ErrnoException): AppError | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new AppError('headers_too_large', 'The header fields are larger than this service reads.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new AppError('request_malformed', 'The request was not complete in time.');
  }
  if (!code.startsWith('HPE_')) return undefined;
  return new AppError('request_malformed', 'The bytes received are not a complete HTTP request.');
}

/**
 * Writes the refusal and ends the connection. Reading goes on for up to `lingerMs`: to close at once, with
 * bytes unread, would reset the connection and could take the answer back (RFC 9112 section 9.6).
 */
export function refuseUnparsed(
  error: AppError,
  socket: Socket,
  { lingerMs }: { readonly lingerMs: number },
): Refusal {
  const requestId = randomUUID();
  const { status, headers, body } = renderProblem(error, requestId);
  const lines = Object.entries({
    ...headers,
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end([...head, '', body].join('\r\n'));
  const cutOff = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(cutOff));
  return { requestId, code: error.code };
}
