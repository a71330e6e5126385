/**
 * The answer to bytes that are not a request. There is no response to send it with, so it is written by hand: the headers
 * of a problem document and no others. The connection then ends, and leaves the client time to read it.
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../../lib/app-error.ts';
import { renderProblem } from '../errors.ts';

export interface ClientError {
  readonly requestId: string;
  readonly code: string;
}

/** The error for a parser's error. Undefined for a broken connection, on which no client can read one. */
export function toClientError({ code = '' }: NodeJS.ErrnoException): AppError | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new AppError('headers_too_large', 'The headers are larger than this service accepts.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new AppError('request_malformed', 'The request was not complete in time.');
  }
  if (!code.startsWith('HPE_')) return undefined;
  return new AppError('request_malformed', 'The bytes received are not a valid HTTP request.');
}

/**
 * Sends the error and ends the connection. Reading goes on for up to `lingerMs`: to close at once with bytes unread
 * would reset the connection, and the client might not get the error (RFC 9112 section 9.6).
 */
export function sendClientError(
  error: AppError,
  socket: Socket,
  { lingerMs }: { readonly lingerMs: number },
): ClientError {
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
