/** A client that writes bytes and reads answers, without an opinion about either. */
import { connect, type Socket } from 'node:net';

export interface WireAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Wire {
  /**
   * Writes one request and answers what came for it; undefined when the connection ended without a word. A
   * connection that has ended is opened anew.
   */
  ask(bytes: string, method: string): Promise<WireAnswer | undefined>;
  /** Writes bytes that may be anything, on a connection of their own, and answers whatever came. */
  pour(bytes: string, method: string): Promise<WireAnswer[]>;
  close(): void;
}

/** Makes an end of whatever request the bytes began, so that the server need not wait for more of it. */
const STOPPER = '\r\n\r\n\0\r\n\r\n';
/** Bytes may announce a long body; nothing more comes then. */
const PATIENCE_MS = 40;

export function createWire(port: number): Wire {
  let socket: Socket | undefined;
  let received = '';
  let changed: (() => void) | undefined;

  function dial(): Socket {
    const fresh = connect({ port, host: '127.0.0.1', noDelay: true });
    fresh.setEncoding('latin1');
    fresh.on('error', () => undefined);
    fresh.on('data', (chunk: string) => {
      received += chunk;
      changed?.();
    });
    fresh.once('close', () => changed?.());
    return fresh;
  }

  const change = () =>
    new Promise<void>((resolve) => {
      changed = resolve;
    });

  return {
    async ask(bytes, method) {
      if (!socket || socket.destroyed || socket.readableEnded) socket = dial();
      received = '';
      socket.write(bytes, 'latin1');
      for (;;) {
        const { answer, rest } = parse(received, method === 'HEAD', socket.destroyed);
        if (answer) {
          const over = answer.fields.get('connection') === 'close' || rest !== '';
          if (over || isStream(answer)) socket.destroy();
          return answer;
        }
        if (socket.destroyed) return undefined;
        await change();
      }
    },
    async pour(bytes, method) {
      socket?.destroy();
      socket = dial();
      received = '';
      socket.write(bytes + STOPPER, 'latin1');
      const patience = setTimeout(() => socket?.end(), PATIENCE_MS);
      while (!socket.destroyed) {
        await change();
        if (isStream(parse(received, false, false).answer)) socket.destroy();
      }
      clearTimeout(patience);
      const answers: WireAnswer[] = [];
      for (let rest = received; rest.startsWith('HTTP/'); ) {
        const { answer, rest: after } = parse(rest, method === 'HEAD', true);
        if (answer) answers.push(answer);
        rest = after;
      }
      return answers;
    },
    close() {
      socket?.destroy();
    },
  };
}

function isStream(answer: WireAnswer | undefined): boolean {
  return answer?.fields.get('content-type') === 'text/event-stream';
}

/** The first answer in the bytes, as soon as it is whole, and what follows it. Interim answers are passed over. */
function parse(
  bytes: string,
  bodiless: boolean,
  over: boolean,
): { readonly answer?: WireAnswer; readonly rest: string } {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return { rest: over ? '' : bytes };
  const [statusLine = '', ...lines] = bytes.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const after = bytes.slice(end + 4);
  if (status < 200) return parse(after, bodiless, over);
  const fields = new Map(
    lines.map((line): [string, string] => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  const length = Number(fields.get('content-length') ?? 0);
  if (bodiless || status === 204 || status === 304)
    return { answer: { status, fields, body: '' }, rest: after };
  if (after.length < length) return { rest: over ? '' : bytes };
  return { answer: { status, fields, body: after.slice(0, length) }, rest: after.slice(length) };
}
