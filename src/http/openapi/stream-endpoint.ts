/** `/me/events` in the document: the only answer that is a stream. */
import { content } from './content.ts';
import { COUNTED } from './headers.ts';
import { CALLER, type Endpoint, GUARDED } from './operation.ts';
import { text } from './schemas.ts';

const EXAMPLE = [
  'retry: 2718',
  'id: "3q2-7wAAAAAAAAAAAAAAAAAA"',
  'event: stream.opened',
  'data: {"etag":"\\"3q2-7wAAAAAAAAAAAAAAAAAA\\""}',
  '',
  'id: "M8f6JWH2I-H6zL4q5e6IBv5P"',
  'event: metadata.updated',
  'data: {"etag":"\\"M8f6JWH2I-H6zL4q5e6IBv5P\\"","keys":["theme"]}',
  '',
  ': heartbeat',
  '',
].join('\n');

export function streamEndpoint(scopes: readonly string[]): Endpoint {
  return {
    path: '/me/events',
    tag: 'Metadata',
    get: {
      id: 'followMetadata',
      summary: 'Be told when the metadata changes',
      description:
        'Server-sent events. The first, `stream.opened`, has the tag of the whole document; each `metadata.updated` has its new tag and the top-level keys to read again. The stream ends with the token; after a reconnection with `Last-Event-ID`, what was missed is one event with all keys.',
      scopes,
      requestHeaders: ['Last-Event-ID', ...CALLER],
      answers: [
        {
          status: 200,
          description: 'A stream that lasts until the token ends.',
          headers: ['Cache-Control', 'Vary', 'X-Accel-Buffering', 'X-Request-Id', ...COUNTED],
          content: content({ 'text/event-stream': [text, EXAMPLE] }),
        },
      ],
      errors: [...GUARDED, 'user_not_found', 'not_acceptable', 'draining'],
    },
  };
}
