/**
 * The load generator: requests made beforehand, over connections that each wait for an answer before they
 * ask again. Bounded in requests and in time; an answer with another status than expected ends the run.
 */
import { connect, type Socket } from 'node:net';
import { percentile } from '../simulation/score.ts';

export interface Load {
  readonly port: number;
  /** The bytes of a request by its number: the same function may give each its own token. */
  readonly requestAt: (index: number) => Buffer | string;
  /** The only status that counts as an answer. */
  readonly status: number;
  readonly connections: number;
  /** The run ends when one of these is reached. */
  readonly requestsMax: number;
  readonly msMax: number;
  /**
   * Whether the generator never sleeps. To wake a sleeping client is part of sending to it, and costs the server some
   * 15 us an answer here; only a server that keeps the generator busy would be spared that.
   */
  readonly awake?: boolean;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface RawAnswer {
  readonly status: number;
  /** Head and body as they came. */
  readonly text: string;
}

/** Beyond the time of the run itself: who takes longer for one answer does not serve. */
const ANSWER_MS_MAX = 15_000;

/** @throws Error for an unexpected status, a broken connection, or an answer that does not come. */
export async function sendLoad(load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  let sent = 0;
  const next = (): number | undefined =>
    sent < load.requestsMax && performance.now() - startedAt < load.msMax ? sent++ : undefined;
  const sleep = load.awake ? stayAwake() : undefined;
  await Promise.all(
    Array.from({ length: load.connections }, () => converse(load.port, load.msMax + ANSWER_MS_MAX, take)),
  ).finally(() => sleep?.());
  /** One connection's share: called with the time the answer took, asks for the next request. */
  function take(answer: RawAnswer | undefined, tookMs: number): Buffer | string | undefined {
    if (answer) {
      if (answer.status !== load.status) throw unexpected(answer, load.status);
      latencies.push(tookMs);
    }
    const index = next();
    return index === undefined ? undefined : load.requestAt(index);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const ascending = latencies.toSorted((left, right) => left - right);
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: percentile(ascending, 0.5),
    p99Ms: percentile(ascending, 0.99),
  };
}

/** @returns what lets this process sleep again. */
function stayAwake(): () => void {
  let awake = true;
  const turn = () => {
    if (awake) setImmediate(turn);
  };
  turn();
  return () => {
    awake = false;
  };
}

/** One request over a connection of its own, and whatever the answer is. */
export async function ask(port: number, request: Buffer | string): Promise<RawAnswer> {
  let given: RawAnswer | undefined;
  await converse(port, ANSWER_MS_MAX, (answer) => {
    given = answer;
    return answer ? undefined : request;
  });
  if (!given) throw new Error('no answer came');
  return given;
}

type Turn = (answer: RawAnswer | undefined, tookMs: number) => Buffer | string | undefined;

function converse(port: number, msMax: number, turn: Turn): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const patience = setTimeout(() => fail(new Error('an answer did not come in time')), msMax);
    let askedAt = 0;
    let received = '';

    function fail(error: Error): void {
      clearTimeout(patience);
      socket.destroy();
      reject(error);
    }

    function step(answer: RawAnswer | undefined): void {
      const request = turn(answer, performance.now() - askedAt);
      if (request === undefined) {
        clearTimeout(patience);
        endQuietly(socket);
        resolve();
        return;
      }
      askedAt = performance.now();
      socket.write(request);
    }

    socket.once('connect', () => step(undefined));
    socket.on('data', (chunk) => {
      // Each byte is one character, so that lengths are lengths in bytes.
      received += chunk.toString('latin1');
      try {
        const answer = wholeAnswer(received);
        if (!answer) return;
        received = '';
        step(answer);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('the connection was closed')));
  });
}

function endQuietly(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}

/**
 * The answer when all of it is there.
 * @throws Error when its length is not announced, or more than one answer came.
 */
export function wholeAnswer(received: string): RawAnswer | undefined {
  const headEnds = received.indexOf('\r\n\r\n');
  if (headEnds < 0) return undefined;
  const head = received.slice(0, headEnds);
  const status = Number(head.slice(9, 12));
  const announced = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const hasBody = status !== 204 && status !== 304;
  if (hasBody && announced === undefined) throw new Error('the length of an answer is not announced');
  const length = headEnds + 4 + (hasBody ? Number(announced) : 0);
  if (received.length > length) throw new Error('more came than one answer');
  return received.length === length ? { status, text: received } : undefined;
}

function unexpected({ status, text }: RawAnswer, wanted: number): Error {
  return new Error(`expected ${wanted}, got ${status}: ${text.slice(0, 1000)}`);
}
