/**
 * Watches a caller's own metadata: the listener learns that it changed and in which keys, as far as the caller's
 * application may see them. What it may not see changes nothing here, not even the fact that something happened.
 */
import type { SetTimer } from '../lib/clock.ts';
import { hasCode } from '../lib/app-error.ts';
import type { JsonObject } from '../lib/json.ts';
import { getRootChanges } from './document.ts';
import type { MetadataCache, Subject, WatchReason } from './ports.ts';
import { represent } from './representation.ts';
import type { MetadataService, VisibleProfile } from './service.ts';

export interface MetadataUpdate {
  /** The tag of the whole document that the subject sees now. */
  readonly etag: string;
  /** Top-level keys that were set, changed or removed, sorted. None where only a value behind a claim changed. */
  readonly keys: readonly string[];
  /** Claims of the subject's token that differ from what is stored now. */
  readonly staleClaims: readonly string[] | undefined;
}

export interface WatchListener {
  updated(update: MetadataUpdate): void;
  /** The user no longer exists. No further call follows. */
  gone(): void;
}

export interface Watching {
  /** The state after which changes are reported. */
  readonly etag: string;
  /** Claims of the subject's token that differ from that state. */
  readonly staleClaims: readonly string[] | undefined;
  /** What the subject does not know yet, who says to have seen another state: all keys. */
  readonly missed: MetadataUpdate | undefined;
  readonly end: () => void;
}

export interface MetadataWatch {
  /**
   * Begins to watch. `lastSeen` is the tag of the state that the subject knows.
   * @throws AppError `user_not_found` or `upstream_*` when the present state cannot be read.
   */
  begin(subject: Subject, lastSeen: string | undefined, listener: WatchListener): Promise<Watching>;
}

interface Dependencies {
  readonly cache: Pick<MetadataCache, 'watch'>;
  readonly service: Pick<MetadataService, 'read'>;
  readonly setTimer: SetTimer;
  readonly random: () => number;
}

export interface MetadataWatchOptions {
  /** Announcements within this time are looked into once. */
  readonly coalesceMs: number;
  /** When announcements may have been missed, all watchers read again, spread over this time. */
  readonly spreadMs: number;
  /** First pause after a failed read; it doubles up to the other. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
}

/**
 * Changes made through this service are announced on every replica, those made elsewhere only where the
 * change stream is on. A state that lasts less than `coalesceMs` may go unreported. The last state is reported.
 */
export function createMetadataWatch(
  { cache, service, setTimer, random }: Dependencies,
  { coalesceMs, spreadMs, retryMs, maxRetryMs }: MetadataWatchOptions,
): MetadataWatch {
  async function begin(subject: Subject, lastSeen: string | undefined, listener: WatchListener) {
    let known: (Pick<MetadataUpdate, 'etag' | 'staleClaims'> & { readonly document: JsonObject }) | undefined;
    let alarm: { readonly soon: boolean; readonly cancel: () => void } | undefined;
    let checking = false;
    let checkAgain = false;
    let failures = 0;
    let over = false;

    /** At the latest after this time; what is to happen soon is not kept waiting by what is not. */
    function checkIn(ms: number, soon: boolean): void {
      if (over || alarm?.soon || (alarm && !soon)) return;
      alarm?.cancel();
      const ring = () => {
        alarm = undefined;
        void checkForUpdate();
      };
      alarm = { soon, cancel: setTimer(ms, ring) };
    }

    function handleAnnouncement(reason: WatchReason): void {
      // The first state is still being read, or a later one: what was announced may have come too late for it.
      if (checking || known === undefined) checkAgain = true;
      else if (reason === 'changed') checkIn(coalesceMs, true);
      else checkIn(coalesceMs + random() * spreadMs, false);
    }

    async function checkForUpdate(): Promise<void> {
      checking = true;
      try {
        const { value, freshness } = await service.read(subject, { allowUnreadable: true });
        if (over) return;
        compare(value);
        // Old, because the tenant does not answer or has not yet: there is more to come.
        const stale = freshness.kind.startsWith('stale');
        if (stale) retry();
        else failures = 0;
      } catch (error) {
        if (hasCode(error, 'user_not_found') && !over) {
          end();
          listener.gone();
        } else retry();
      } finally {
        checking = false;
        checkMissed();
      }
    }

    function retry(): void {
      const pauseMs = Math.min(maxRetryMs, retryMs * 2 ** failures) * (0.5 + random() / 2);
      failures += 1;
      checkIn(pauseMs, false);
    }

    function checkMissed(): void {
      if (!checkAgain) return;
      checkAgain = false;
      checkIn(coalesceMs, true);
    }

    function compare(profile: VisibleProfile): void {
      const { userMetadata: document, staleClaims } = profile;
      const etag = getTag(profile);
      const before = known;
      if (before === undefined) return;
      if (before.etag === etag && before.staleClaims?.join() === staleClaims?.join()) return;
      known = { document, etag, staleClaims };
      listener.updated({ etag, keys: getChangedKeys(before.document, document), staleClaims });
    }

    function end(): void {
      over = true;
      alarm?.cancel();
      unwatch();
    }

    // Before the first read, so that no change falls between the two.
    const unwatch = cache.watch(subject.userId, handleAnnouncement);
    try {
      const { value } = await service.read(subject, { allowUnreadable: true });
      const { userMetadata: document, staleClaims } = value;
      const etag = getTag(value);
      known = { document, etag, staleClaims };
      checkMissed();
      const isKnown = lastSeen === undefined || lastSeen === etag;
      const missed = isKnown ? undefined : { etag, keys: Object.keys(document).toSorted(), staleClaims };
      return { etag, staleClaims, missed, end };
    } catch (error) {
      end();
      throw error;
    }
  }

  return { begin };
}

/** Metadata that is no object has a tag of its own: its reader gets an error, so that the change is reported. */
function getTag({ userMetadata, isUnreadable }: VisibleProfile): string {
  return represent(isUnreadable ? null : userMetadata).etag;
}

function getChangedKeys(before: JsonObject, after: JsonObject): readonly string[] {
  return Object.keys(getRootChanges(before, after) ?? {}).toSorted();
}
