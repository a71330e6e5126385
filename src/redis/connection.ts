/**
 * The connection to Redis or Valkey, for commands and announcements, in each topology. It is either up, and then
 * answers within a time-out and receives every announcement, or down, and then refuses at once.
 *
 * Health is judged by what is used: a probe runs the scripts of the other parts, on keys of its own, and waits for its
 * own announcement. A session that is lost or silent, or whose server refuses writes, is replaced by a new one.
 */
import { randomUUID } from 'node:crypto';
import { createDeferred, createSingleFlight, type Deferred, withinTime } from '../lib/promises.ts';
import {
  isFlagsUnknown,
  KEY_GROUPS,
  getRedisErrorCode,
  RedisRefused,
  type RedisReply,
  type RedisScript,
  createRedisScript,
  RedisUnavailable,
  toReply,
} from './script.ts';
import { evaluate, isRefusal, openSession, type RedisAddress, type RedisSession } from './session.ts';

/** @throws RedisUnavailable within the command time-out, at once while down; RedisRefused. */
export type RunScript = (
  script: RedisScript,
  keys: readonly string[],
  args: readonly string[],
) => Promise<RedisReply>;

export interface ScriptRunner {
  readonly run: RunScript;
  /**
   * The same, but for a script that Redis knows already: one that has been restarted, or has become the primary,
   * refuses with `NOSCRIPT`, because it keeps scripts in its memory only.
   */
  readonly runKnown: RunScript;
}

/** Runs what its owner runs, on keys that hold nothing. @throws what the runner throws, which shows as degraded. */
export type RedisProbe = (runner: ScriptRunner, group: string) => Promise<unknown>;

export interface RedisConnection extends ScriptRunner {
  /** @throws RedisUnavailable, RedisRefused likewise. */
  get(key: string): Promise<string | undefined>;
  /** Calls the listener for each message from now on, also after reconnections. Messages sent while down are lost. */
  subscribe(channel: string, listener: (message: string) => void): void;
  /** Grows by one each time the connection comes up; undefined while it is down. */
  epoch(): number | undefined;
  /** Whether it is up and nothing that was probed is refused. */
  isHealthy(): boolean;
  /**
   * For how long Redis has not answered anything, a refusal included; 0 until a new connection was tried, since the old
   * one may be all that is silent. Counts only time in which this process was running: one that stood still has to
   * try again.
   */
  getSilentMs(): number;
  /** Is part of what health is judged by from now on. */
  addProbe(probe: RedisProbe): void;
  /** Called, before `era()` says so, when the connection comes up; what it does is part of coming up. */
  onUp(task: () => Promise<void>): void;
  /** Called when it is no longer healthy, with the reason, and for each further code with which Redis refuses. */
  onDown(listener: (reason: Error) => void): void;
  /** Called when it is healthy again after `onDown`. */
  onBack(listener: () => void): void;
  /** Connects in the background and goes on trying until `stop`. */
  start(): void;
  stop(): Promise<void>;
}

export interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** `REDIS_TIMEOUT_MS`. A command that takes longer counts as a failure, and takes the connection down. */
  readonly commandTimeoutMs: number;
  /** Pause between probes, and between attempts to connect. */
  readonly probeIntervalMs: number;
}

/** On one of a cluster's nodes, announcements are made as anywhere else. DEL is refused wherever writes are. */
const HEARTBEAT = createRedisScript(`
redis.call('DEL', KEYS[1])
return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

/** A session on which nothing has come back for so many probes is given up. */
const MAX_SILENT_PROBES = 3;
/** A session that is not there after so many time-outs is begun anew. */
const OPEN_TIMEOUTS = 4;
const MIN_OPEN_MS = 2_000;
/** Of the groups of keys in a cluster, so many are probed at a time, beside those in trouble. */
const CLUSTER_GROUPS = 4;
/**
 * A session whose map of the cluster names a node that is not there any more is given up after so many probes, and
 * the next ones later and later, because the node may have no successor.
 */
const STALE_MAP_PROBES = 3;
const MAX_STALE_MAP_PROBES = 20;
/** A process whose timers were late by so many probes has stood still. */
const STILL_PROBES = 3;

export function createRedisConnection({
  address,
  commandTimeoutMs,
  probeIntervalMs,
}: RedisConnectionOptions): RedisConnection {
  const isCluster = address.topology === 'cluster';
  const upTasks: Array<() => Promise<void>> = [];
  const downListeners: Array<(reason: Error) => void> = [];
  const backListeners: Array<() => void> = [];
  const probes: RedisProbe[] = [];
  const subscriptions: Array<{ readonly channel: string; readonly listener: (message: string) => void }> = [];
  const heartbeats = `metadata-bff:heartbeat:${randomUUID()}`;
  const expected = new Map<string, Deferred>();
  let session: RedisSession | undefined;
  /** Resolved when the session, or the attempt to begin one, is over. */
  let over = createDeferred();
  /** Ends the session, or the attempt to begin one. */
  let destroy: (() => void) | undefined;
  let openedAt = 0;
  let mapStaleAfterMs = STALE_MAP_PROBES * probeIntervalMs;
  let epochs = 0;
  let up = false;
  let comingUp = false;
  /** What is refused or does not answer, by the group of keys in a cluster. */
  const failures = new Map<string, Error>();
  /** Codes that listeners received since the connection was last healthy. */
  const reportedCodes = new Set<string>();
  let nextGroup = 0;
  let knowsFlags = true;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let countedAt = performance.now();
  let silentFor = 0;
  /** After how much silence the first new connection was tried. */
  let triedAfter: number | undefined;

  subscriptions.push({ channel: heartbeats, listener: (marker) => expected.get(marker)?.resolve() });

  /** Of this connection, or of the attempts at one. */
  function countSilence(): number {
    const now = performance.now();
    const elapsed = now - countedAt;
    if (elapsed > STILL_PROBES * probeIntervalMs) answered();
    else silentFor += elapsed;
    countedAt = now;
    return silentFor;
  }

  function silentMs(): number {
    const silence = countSilence();
    return triedAfter !== undefined && silence - triedAfter >= commandTimeoutMs ? silence : 0;
  }

  function answered(): void {
    countedAt = performance.now();
    silentFor = 0;
    triedAfter = undefined;
  }

  function notifyDown(reason: Error): void {
    const code = reason instanceof RedisRefused ? reason.code : '';
    if (reportedCodes.has(code) || (code === '' && reportedCodes.size > 0)) return;
    reportedCodes.add(code);
    for (const listener of downListeners) listener(reason);
  }

  function takeDown(reason: Error): void {
    up = false;
    if (!stopping.signal.aborted) notifyDown(reason);
  }

  /** Ends the session; the next one looks up names again. */
  function dropSession(reason: Error): void {
    takeDown(reason);
    over.resolve();
  }

  /** From an error of the client to one of ours; its messages may name the address with its password. */
  function toFailure(error: unknown): RedisUnavailable | RedisRefused {
    if (error instanceof RedisUnavailable || error instanceof RedisRefused) return error;
    if (!isRefusal(error)) return new RedisUnavailable(getRedisErrorCode(error));
    answered();
    return new RedisRefused(getRedisErrorCode(error));
  }

  /** An answer counts as a sign of life even if it comes too late to be of use. */
  async function withCommandTimeout<T>(task: () => Promise<T>): Promise<T> {
    const listening = async () => {
      const value = await task();
      answered();
      return value;
    };
    try {
      return await withinTime(listening, commandTimeoutMs, () => RedisUnavailable.noAnswer());
    } catch (error) {
      throw toFailure(error);
    }
  }

  async function evaluateIn(
    target: RedisSession,
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
    mayLoad = true,
  ) {
    const { withoutFlags } = script;
    if (withoutFlags && !knowsFlags) return evaluate(target, withoutFlags, keys, args, mayLoad);
    try {
      return await evaluate(target, script, keys, args, mayLoad);
    } catch (error) {
      if (!withoutFlags || !isFlagsUnknown(error)) throw error;
      knowsFlags = false;
      return evaluate(target, withoutFlags, keys, args, mayLoad);
    }
  }

  function runIn(
    within: (task: (target: RedisSession) => Promise<unknown>) => Promise<unknown>,
    mayLoad: boolean,
  ): RunScript {
    return async (script, keys, args) =>
      toReply(await within((target) => evaluateIn(target, script, keys, args, mayLoad)));
  }

  /** Runs a command of a caller. Its failure counts as a failure of the connection. */
  async function runOnSession<T>(task: (target: RedisSession) => Promise<T>): Promise<T> {
    const target = session;
    if (!target || (!up && !comingUp)) throw new RedisUnavailable('not connected', false);
    try {
      return await withCommandTimeout(() => task(target));
    } catch (error) {
      const failure = toFailure(error);
      if (session === target) recordFailure(failure);
      throw failure;
    }
  }

  function recordFailure(failure: RedisUnavailable | RedisRefused): void {
    if (failure instanceof RedisRefused && failure.code === 'READONLY') dropSession(failure);
    // In a cluster it may be one node of many.
    else if (failure instanceof RedisUnavailable && !isCluster) takeDown(failure);
    if (!(failure instanceof RedisRefused) || failure.code !== 'NOSCRIPT') void probe();
  }

  /** Publishes a heartbeat and waits until it comes back. */
  async function sendHeartbeat(target: RedisSession, group: string): Promise<void> {
    const marker = randomUUID();
    const heard = createDeferred();
    expected.set(marker, heard);
    try {
      const keys = [`metadata-bff:probe:{${group}}`];
      await withCommandTimeout(async () => {
        await evaluateIn(target, HEARTBEAT, keys, [heartbeats, marker]);
        answered();
        await heard.promise;
      });
    } finally {
      expected.delete(marker);
    }
  }

  /** @returns what is wrong: `dead` where not even an announcement comes through. */
  async function probeGroup(target: RedisSession, group: string) {
    try {
      await sendHeartbeat(target, group);
    } catch (error) {
      return { group, dead: true, trouble: toFailure(error) };
    }
    const runner = {
      run: runIn((task) => withCommandTimeout(() => task(target)), true),
      runKnown: runIn((task) => withCommandTimeout(() => task(target)), false),
    };
    const results = await Promise.allSettled(probes.map((task) => task(runner, group)));
    const failed = results.find(({ status }) => status === 'rejected');
    const trouble = failed?.status === 'rejected' ? toFailure(failed.reason) : undefined;
    return { group, dead: false, trouble };
  }

  function takeGroups(): string[] {
    const count = isCluster ? CLUSTER_GROUPS : 1;
    const turn = Array.from(
      { length: count },
      (_, index) => KEY_GROUPS[(nextGroup + index) % KEY_GROUPS.length],
    );
    nextGroup += count;
    return [
      ...new Set([...turn.filter((group) => group !== undefined), ...[...failures.keys()].slice(0, count)]),
    ].filter((group) => group !== '');
  }

  const probe = createSingleFlight(async () => {
    for (let target: RedisSession | undefined; session !== target && !stopping.signal.aborted; ) {
      target = session;
      if (target) await probeSession(target);
    }
  });

  async function probeSession(target: RedisSession): Promise<void> {
    const findings = await Promise.all(takeGroups().map((group) => probeGroup(target, group)));
    if (session !== target) return;
    for (const { group, trouble } of findings) {
      const place = isCluster ? group : '';
      if (trouble) failures.set(place, trouble);
      else failures.delete(place);
    }
    const trouble = findings.find((finding) => finding.trouble)?.trouble;
    if (trouble instanceof RedisRefused && trouble.code === 'READONLY') {
      dropSession(trouble);
      return;
    }
    if (findings.every(({ dead }) => dead)) {
      takeDown(trouble ?? RedisUnavailable.noAnswer());
      if (countSilence() > MAX_SILENT_PROBES * probeIntervalMs) over.resolve();
      return;
    }
    if (!up) await comeUp(target);
    const [first] = failures.values();
    if (first) {
      notifyDown(first);
      renewMap();
    } else if (up) {
      mapStaleAfterMs = STALE_MAP_PROBES * probeIntervalMs;
      notifyBack();
    }
  }

  /** No node of a cluster says that another one is gone: only a new session asks who serves its keys now. */
  function renewMap(): void {
    const isGone = [...failures.values()].some((trouble) => trouble instanceof RedisUnavailable);
    if (!isCluster || !isGone || performance.now() - openedAt < mapStaleAfterMs) return;
    mapStaleAfterMs = Math.min(2 * mapStaleAfterMs, MAX_STALE_MAP_PROBES * probeIntervalMs);
    over.resolve();
  }

  function notifyBack(): void {
    if (reportedCodes.size === 0) return;
    reportedCodes.clear();
    for (const listener of backListeners) listener();
  }

  async function comeUp(target: RedisSession): Promise<void> {
    comingUp = true;
    try {
      // In order: an earlier task may be what a later one relies on.
      for (const task of upTasks) await task();
      if (session !== target || stopping.signal.aborted) return;
      epochs += 1;
      up = true;
    } catch {
      // Still down; the next probe is on its way.
    } finally {
      comingUp = false;
    }
  }

  /** One session after the other, until `stop`. */
  async function maintain(): Promise<void> {
    while (!stopping.signal.aborted) {
      const current = createDeferred();
      over = current;
      triedAfter ??= countSilence();
      const opening = openSession(address, (error) => {
        if (over === current) dropSession(toFailure(error));
      });
      destroy = () => opening.destroy();
      try {
        const limitMs = Math.max(MIN_OPEN_MS, OPEN_TIMEOUTS * commandTimeoutMs);
        const opened = await withinTime(
          () => openSessionInTime(opening.opened),
          limitMs,
          () => RedisUnavailable.noAnswer(),
        );
        answered();
        session = opened;
        openedAt = performance.now();
        void probe();
        await current.promise;
      } catch (error) {
        takeDown(toFailure(error));
      }
      session = undefined;
      up = false;
      opening.destroy();
      if (!stopping.signal.aborted) await pause();
    }
  }

  async function openSessionInTime(opening: Promise<RedisSession>): Promise<RedisSession> {
    const opened = await opening;
    answered();
    await Promise.all(subscriptions.map(({ channel, listener }) => opened.subscribe(channel, listener)));
    return opened;
  }

  async function pause(): Promise<void> {
    const waited = createDeferred();
    over = waited;
    const wait = setTimeout(() => waited.resolve(), probeIntervalMs).unref();
    await waited.promise;
    clearTimeout(wait);
  }

  return {
    run: runIn(runOnSession, true),
    runKnown: runIn(runOnSession, false),
    async get(key) {
      return (await runOnSession((target) => target.get(key))) ?? undefined;
    },
    subscribe(channel, listener) {
      subscriptions.push({ channel, listener });
      session?.subscribe(channel, listener).catch((error: unknown) => dropSession(toFailure(error)));
    },
    epoch: () => (up ? epochs : undefined),
    isHealthy: () => up && failures.size === 0,
    getSilentMs: silentMs,
    addProbe(task) {
      probes.push(task);
    },
    onUp(task) {
      upTasks.push(task);
    },
    onDown(listener) {
      downListeners.push(listener);
    },
    onBack(listener) {
      backListeners.push(listener);
    },
    start() {
      answered();
      timer = setInterval(() => {
        countSilence();
        void probe();
      }, probeIntervalMs);
      timer.unref();
      void maintain();
    },
    async stop() {
      stopping.abort();
      up = false;
      clearInterval(timer);
      over.resolve();
      destroy?.();
    },
  };
}
