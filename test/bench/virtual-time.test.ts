import { expect, test } from '@jest/globals';
import { createVirtualTime } from '../support/virtual-time.ts';

const START_MS = 1_700_000_000_000;

test('events run in the order of their times, those of one time in the order of their coming', async () => {
  const time = createVirtualTime(START_MS);
  const delays = [30, 10, 20, 10, 0, 30, 25, 5, 10];
  const ran: string[] = [];
  delays.forEach((delay, index) => time.at(START_MS + delay, () => ran.push(`${delay}:${index}`)));
  await time.runUntil(START_MS + 100);
  expect(ran).toEqual(['0:4', '5:7', '10:1', '10:3', '10:8', '20:2', '25:6', '30:0', '30:5']);
});

test('the clock stands at the time of the event that runs, and at the end at the time asked for', async () => {
  const time = createVirtualTime(START_MS);
  const seen: number[] = [];
  for (const delay of [7, 3]) time.at(START_MS + delay, () => seen.push(time.clock.now() - START_MS));
  await time.runUntil(START_MS + 50);
  expect(seen).toEqual([3, 7]);
  expect(time.clock.now()).toBe(START_MS + 50);
});

test('all promises that an event settles are through before the next event', async () => {
  const time = createVirtualTime(START_MS);
  const ran: string[] = [];
  const chain = async () => {
    for (let link = 0; link < 50; link += 1) await Promise.resolve();
    ran.push('chain');
  };
  time.at(START_MS + 1, () => void chain());
  time.at(START_MS + 1, () => ran.push('next'));
  await time.runUntil(START_MS + 1);
  expect(ran).toEqual(['chain', 'next']);
});

test('sleepers wake at their times, also those who fall asleep on the way', async () => {
  const time = createVirtualTime(START_MS);
  const woke: number[] = [];
  const sleeper = async (ms: number) => {
    for (let turn = 0; turn < 3; turn += 1) {
      await time.sleep(ms);
      woke.push(time.clock.now() - START_MS);
    }
  };
  void sleeper(10);
  void sleeper(7);
  await time.runUntil(START_MS + 25);
  expect(woke).toEqual([7, 10, 14, 20, 21]);
});

test('an event in the past runs next, and none beyond the end', async () => {
  const time = createVirtualTime(START_MS);
  const ran: string[] = [];
  time.at(START_MS - 1000, () => ran.push('past'));
  time.at(START_MS + 11, () => ran.push('beyond'));
  await time.runUntil(START_MS + 10);
  expect(ran).toEqual(['past']);
  await time.runUntil(START_MS + 11);
  expect(ran).toEqual(['past', 'beyond']);
});

test('many events in a random order come out sorted', async () => {
  const time = createVirtualTime(0);
  const times = Array.from({ length: 2_000 }, (_, index) => (index * 7919) % 1009);
  const seen: number[] = [];
  for (const timeMs of times) time.at(timeMs, () => seen.push(timeMs));
  await time.runUntil(2_000);
  expect(seen).toEqual(times.toSorted((left, right) => left - right));
});
