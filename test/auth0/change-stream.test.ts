import { describe, expect, test } from '@jest/globals';
import { broken, mark, play, userEvent } from './change-stream-fixture.ts';

const TYPES = '/events?event_type=user.updated&event_type=user.deleted';

/** Where a consumer begins that knows of none before it: with room for two clocks. */
const SINCE = new Date(1_700_000_000_000 - 60_000).toISOString();
const BEGINNING = `${TYPES}&from_timestamp=${encodeURIComponent(SINCE)}`;

/** The note of a consumer that has come to this offset. */
const at = (offset: string) => JSON.stringify({ offset });

describe('an event', () => {
  test.each(['user.updated', 'user.deleted', 'com.auth0.user.updated'])(
    '%s evicts its user',
    async (type) => {
      const { evicted, outcomes } = await play([{ events: [userEvent('1', 'auth0|a', type)] }]);
      expect([evicted, outcomes]).toEqual([['auth0|a'], ['evicted']]);
    },
  );

  test('that comes twice, late or in the wrong order does what it did the first time', async () => {
    const events = ['3', '1', '3', '2'].map((offset) => userEvent(offset, 'auth0|a'));
    const { evicted, asked } = await play([{ events }, { events: [] }]);
    expect(evicted).toEqual(['auth0|a', 'auth0|a', 'auth0|a', 'auth0|a']);
    expect(asked[1]).toBe(`${TYPES}&from=2`);
  });

  test.each([
    ['no JSON', '{'],
    ['no user', JSON.stringify({ event: { type: 'user.updated', data: { object: {} } } })],
    [
      'a user of another type',
      JSON.stringify({ event: { type: 'user.updated', data: { object: { user_id: 7 } } } }),
    ],
    ['no event', '{}'],
    ['null', 'null'],
    ['another type inside', userEvent('1', 'a', 'user.created').data],
  ])('with %s is skipped and counted, and the stream goes on behind it', async (_name, data) => {
    const malformed = { type: 'user.updated', id: '5', data };
    const { outcomes, evicted, note } = await play([{ events: [malformed, userEvent('6', 'auth0|b')] }]);
    expect([outcomes, evicted, note]).toEqual([['malformed', 'evicted'], ['auth0|b'], at('6')]);
  });

  test('of another kind is ignored, and marks of progress are no events', async () => {
    const group = { type: 'group.created', id: '1', data: '{}' };
    const { outcomes, note } = await play([{ events: [group, mark('9')] }]);
    expect([outcomes, note]).toEqual([['ignored'], at('9')]);
  });

  test('without an id is placed by its data, and an absurd offset by none', async () => {
    const { id: _id, ...bare } = userEvent('7', 'auth0|a');
    const absurd = { ...userEvent('8', 'auth0|a'), id: 'x'.repeat(5000), data: 'null' };
    const { note } = await play([{ events: [{ ...bare, id: undefined }, absurd] }]);
    expect(note).toBe(at('7'));
  });
});

describe('the place in the stream', () => {
  test('is taken over from an earlier consumer, written as an address needs it', async () => {
    const { asked } = await play([{ events: [] }], { note: at('MTIz+/=&x') });
    expect(asked).toEqual([`${TYPES}&from=MTIz%2B%2F%3D%26x`]);
  });

  test.each(['{', '{"offset":""}', '{"offset":7}', 'null', '"1"'])(
    'is unknown where the note of an earlier consumer is %s',
    async (note) => {
      expect((await play([{ events: [] }], { note })).asked).toEqual([BEGINNING]);
    },
  );

  test('moves on only after the eviction', async () => {
    let failed = false;
    const evict = async () => {
      if (failed) return;
      failed = true;
      throw new Error('not evicted');
    };
    const stream = { events: [mark('1'), userEvent('2', 'auth0|a')] };
    const { asked, evicted } = await play([stream, stream], { evict });
    expect(asked).toEqual([BEGINNING, `${TYPES}&from=1`]);
    expect(evicted).toEqual(['auth0|a']);
  });

  test('is the time of its beginning until the stream has told one, for its successor, too', async () => {
    const { asked, note = '' } = await play([{ events: [broken()] }, { events: [] }]);
    expect(asked).toEqual([BEGINNING, BEGINNING]);
    expect((await play([{ events: [] }], { note })).asked).toEqual([BEGINNING]);
  });

  test.each([410, 400])('is given up after %i, once and with a warning', async (status) => {
    const { asked, troubles } = await play([{ status }, { status: 503 }, { events: [mark('9')] }], {
      note: at('1'),
    });
    expect(asked).toEqual([`${TYPES}&from=1`, TYPES, TYPES]);
    expect(troubles.filter((trouble) => trouble.includes('gap'))).toHaveLength(1);
  });

  test('is given up when nothing can be read there, again and again', async () => {
    const unreadable = { events: [broken('malformed')] };
    const { asked, troubles } = await play([unreadable, unreadable, unreadable, { events: [] }], {
      note: at('1'),
    });
    expect(asked).toEqual([`${TYPES}&from=1`, `${TYPES}&from=1`, `${TYPES}&from=1`, TYPES]);
    expect(troubles.filter((trouble) => trouble.includes('gap'))).toHaveLength(1);
  });

  test('stays when a stream reports an error behind it', async () => {
    const error = { type: 'error', id: undefined, data: '{"error":"server_error"}' };
    const { asked } = await play([
      { events: [mark('4'), error] },
      { events: [mark('5'), error] },
      { events: [] },
    ]);
    expect(asked).toEqual([BEGINNING, `${TYPES}&from=4`, `${TYPES}&from=5`]);
  });
});

describe('the pause before the next stream', () => {
  test('is short after one that brought something, however it ended', async () => {
    const { pauses, troubles } = await play([
      { events: [mark('1')] },
      { events: [mark('2'), broken('reset')] },
      { events: [mark('3'), broken('timeout')] },
    ]);
    expect([pauses, troubles]).toEqual([[5, 5, 5], []]);
  });

  test('doubles while there is none, within a bound, and is told once', async () => {
    const { pauses, troubles } = await play([
      ...Array(6).fill(broken('unreachable')),
      { events: [mark('1')] },
    ]);
    expect(pauses).toEqual([75, 150, 300, 600, 750, 750, 5]);
    expect(troubles).toEqual(['interrupted']);
  });

  test('also grows where streams end as soon as they begin', async () => {
    const { pauses } = await play([{ events: [] }, { events: [] }, { events: [] }]);
    expect(pauses).toEqual([75, 150, 300]);
  });

  test('is what the tenant asks for with 429, and a little more', async () => {
    const { pauses } = await play([{ status: 429, headers: { 'retry-after': '7' } }, { events: [] }]);
    expect(pauses[0]).toBeCloseTo(7_350);
  });

  test('is long after a refusal that a new token does not end, told once with the scope', async () => {
    const { pauses, bearers, troubles } = await play([
      { status: 401 },
      { status: 403 },
      { status: 403 },
      { status: 403 },
      { events: [mark('1')] },
    ]);
    expect(pauses.slice(0, 4)).toEqual([0, 60_000, 0, 60_000]);
    expect(bearers).toEqual(
      ['token-1', 'token-2', 'token-3', 'token-4', 'token-5'].map((t) => `Bearer ${t}`),
    );
    expect(troubles).toEqual(['refused']);
  });
});

describe('the health of the feed', () => {
  test('fails only after the stream has been away for a while', async () => {
    const health: boolean[] = [];
    const lags: number[] = [];
    const { feed, clock } = await play([{ events: [] }]);
    expect([feed.health.isHealthy(), feed.health.getLagSeconds()]).toEqual([true, 0]);
    const note = () => {
      health.push(feed.health.isHealthy());
      lags.push(feed.health.getLagSeconds());
    };
    const over = new AbortController();
    const store = { load: async () => undefined, save: async () => undefined };
    note();
    const consumed = feed.consume(store, over.signal);
    clock.advance(29_000);
    note();
    clock.advance(2_000);
    note();
    over.abort();
    await consumed;
    note();
    expect([health, lags]).toEqual([
      [true, true, false, true],
      [0, 29, 31, 0],
    ]);
  });

  test('knows how late the latest change was evicted, until nothing is left', async () => {
    const lags: number[] = [];
    const time = new Date(1_700_000_000_000 - 2_000).toISOString();
    const reading: { lag?: () => number } = {};
    const note = () => void lags.push(reading.lag?.() ?? Number.NaN);
    const events = [userEvent('1', 'a', 'user.updated', time), note, mark('2'), note];
    await play([{ events }], {
      onFeed: (feed) => {
        reading.lag = () => feed.health.getLagSeconds();
      },
    });
    expect(lags).toEqual([2, 0]);
  });
});
