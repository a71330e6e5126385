import { describe, expect, test } from '@jest/globals';
import { formatRange, median, page, ratios, table, withSection } from '../../bench/report.ts';

describe('figures', () => {
  test('a range is the median of the rounds with the lowest and the highest', () => {
    expect(median([30, 10, 20])).toBe(20);
    expect(formatRange([311.6, 341, 298.2])).toBe('312 (298–341)');
  });

  test('a range has as many digits as mean something, and one figure where the rounds agree', () => {
    expect(formatRange([2.91, 3.14, 3.4])).toBe('3.1 (2.9–3.4)');
    expect(formatRange([1, 1])).toBe('1.00');
  });

  test('rounds are compared within themselves, however slow the machine was in the others', () => {
    expect(ratios([30, 300, 33], [10, 100, 11])).toEqual([3, 3, 3]);
  });
});

test('the columns of a table are as wide as their widest cells', () => {
  const lines = table(['', 'us'], [['bare', 20]]).split('\n');
  expect(lines).toEqual(['|      | us  |', '| ---- | --- |', '| bare | 20  |']);
});

describe('the page of results', () => {
  const three = ['Memory', 'Requests', 'Stampede'].map((title) => ({ title, body: `old ${title}` }));

  test.each(['Memory', 'Requests', 'Stampede'])('takes a new section for the old one: %s', (title) => {
    const expected = three.map((one) => (one.title === title ? { title, body: 'new' } : one));
    expect(withSection(page(three), { title, body: 'new' })).toBe(page(expected));
  });

  test('takes a section that it did not have at its end', () => {
    const added = { title: 'Request', body: 'not to be taken for Requests' };
    expect(withSection(page(three), added)).toBe(page([...three, added]));
  });
});
