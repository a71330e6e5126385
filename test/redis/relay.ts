/**
 * A TCP relay between a replica and Redis, which can be slow, cut, or deaf on the connections it has. Like TCP itself it
 * never changes the order of bytes: a reply that overtook another one would be taken for the answer to another command.
 */
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';

export interface Relay {
  readonly port: number;
  /** Holds back each chunk, in both directions, for this long. */
  slowDown(ms: number): void;
  /** How many chunks are held back at the moment. */
  heldChunks(): number;
  /** Ends every connection, and each new one at once, until `mend`. */
  cut(): void;
  /** Lets nothing more pass on the connections there are, which stay open; new ones work. */
  goDeaf(): void;
  /** New connections lead there, as after a change of what a name means; those there are stay where they are. */
  leadTo(port: number): void;
  /** Takes back `slowDown` and `cut`; what was held back passes at once, in its order. */
  mend(): void;
  stop(): Promise<void>;
}

export async function startRelay(firstTarget: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const deaf = new Set<readonly [Socket, Socket]>();
  /** What is held back in each direction of a connection, and how it passes. */
  const queues = new Map<Buffer[], (chunk: Buffer) => void>();
  let targetPort = firstTarget;
  let delayMs = 0;
  let isCut = false;

  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    far.on('error', () => undefined);
    const pair = [near, far] as const;
    pairs.add(pair);
    const passOn = (to: Socket) => {
      const held: Buffer[] = [];
      const pass = (chunk: Buffer) => {
        if (!deaf.has(pair) && to.writable) to.write(chunk);
      };
      queues.set(held, pass);
      to.on('close', () => queues.delete(held));
      return (chunk: Buffer) => {
        if (delayMs === 0 && held.length === 0) {
          pass(chunk);
          return;
        }
        held.push(chunk);
        // Each timer lets one chunk pass: the oldest that is left.
        setTimeout(() => held.splice(0, 1).forEach(pass), delayMs).unref();
      };
    };
    near.on('data', passOn(far));
    far.on('data', passOn(near));
    const end = () => {
      pairs.delete(pair);
      deaf.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    near.on('close', end);
    far.on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');

  function endAll(): void {
    for (const [near] of pairs) near.destroy();
  }

  return {
    port: address.port,
    slowDown(ms) {
      delayMs = ms;
    },
    heldChunks: () => [...queues.keys()].reduce((sum, { length }) => sum + length, 0),
    cut() {
      isCut = true;
      endAll();
    },
    goDeaf() {
      for (const pair of pairs) deaf.add(pair);
    },
    leadTo(port) {
      targetPort = port;
    },
    mend() {
      delayMs = 0;
      isCut = false;
      for (const [held, pass] of queues) held.splice(0).forEach(pass);
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      endAll();
      await closed;
    },
  };
}
