/** A reader of server-sent events over fetch, as a page with an Authorization header has to be one. */
import { EventEmitter, once } from 'node:events';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { parseObject } from './json.ts';

export interface SseReader {
  readonly response: Response;
  /** The next event not yet taken. @throws Error when the stream ends, or the deadline passes, before one. */
  next(): Promise<EventSourceMessage>;
  /** The data of the next event of this type, as JSON; those of other types are dropped. */
  nextData(type: string): Promise<Record<string, unknown>>;
  /** Resolves when `pattern` is in what was received. */
  received(pattern: RegExp): Promise<void>;
  /** Everything received so far. */
  text(): string;
  /** Events not yet taken. */
  waiting(): readonly EventSourceMessage[];
  /** Resolves when the server has ended the stream or cut it off, with which of both. */
  readonly ended: Promise<'ended' | 'cut'>;
  close(): Promise<void>;
}

const DEADLINE_MS = 8000;

/** Opens a stream, which must be answered with 200. */
export async function openSse(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SseReader> {
  const controller = new AbortController();
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: controller.signal,
  });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`no stream: ${response.status} ${await response.text()}`);
  }
  const { body } = response;
  const events: EventSourceMessage[] = [];
  let text = '';
  let over = false;
  const changes = new EventEmitter();
  const parser = createParser({ onEvent: (event) => void events.push(event) });

  async function pump(): Promise<'ended' | 'cut'> {
    try {
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        parser.feed(chunk);
        changes.emit('change');
      }
      return 'ended';
    } catch {
      return 'cut';
    } finally {
      over = true;
      changes.emit('change');
    }
  }
  const ended = pump();

  async function waitFor<T>(probe: () => T | undefined): Promise<T> {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const found = probe();
      if (found !== undefined) return found;
      if (over) throw new Error(`the stream ended after: ${text}`);
      await once(changes, 'change', { signal }).catch(() => {
        throw new Error(`nothing came after: ${text}`);
      });
    }
  }

  const reader: SseReader = {
    response,
    next: () => waitFor(() => events.shift()),
    async nextData(type) {
      for (;;) {
        const { event, data } = await reader.next();
        if (event === type) return parseObject(data);
      }
    },
    received: async (pattern) => {
      await waitFor(() => (pattern.test(text) ? true : undefined));
    },
    text: () => text,
    waiting: () => events,
    ended,
    async close() {
      controller.abort();
      await ended;
    },
  };
  return reader;
}
