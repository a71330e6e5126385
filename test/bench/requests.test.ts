import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type RequestListener, type Server } from 'node:http';
import { page, withSection } from '../../bench/report.ts';
import { ask, sendLoad, wholeAnswer } from '../../bench/requests/load.ts';
import { drawPanels } from '../../bench/requests/picture.ts';
import { coresIn } from '../../bench/requests/process.ts';
import { forged, getRequest, patchRequest } from '../../bench/requests/requests.ts';
import { ratioOf, spreadOf, written } from '../../bench/requests/statistics.ts';

describe('figures', () => {
  test('are the middle of the rounds, with the lowest and the highest', () => {
    expect(spreadOf([30, 10, 20])).toEqual({ median: 20, low: 10, high: 30 });
    expect(() => spreadOf([])).toThrow('nothing was measured');
  });

  test('are compared within their own round, whatever the machine did in the others', () => {
    const slowedDown = ratioOf([30, 300, 33], [10, 100, 11]);
    expect(slowedDown).toEqual({ median: 3, low: 3, high: 3 });
  });

  test('are written with as many digits as mean something', () => {
    expect(written({ median: 311.6, low: 298.2, high: 341 })).toBe('312 (298–341)');
    expect(written({ median: 3.14, low: 2.91, high: 3.4 })).toBe('3.1 (2.9–3.4)');
    expect(written({ median: 1, low: 1, high: 1 })).toBe('1.00');
  });
});

describe('the page of results', () => {
  const three = ['Memory', 'Requests', 'Herd'].map((title) => ({ title, body: `old ${title}` }));

  test.each(['Memory', 'Requests', 'Herd'])('takes a new section for the old one: %s', (title) => {
    const expected = three.map((one) => (one.title === title ? { title, body: 'new' } : one));
    expect(withSection(page(three), { title, body: 'new' })).toBe(page(expected));
  });

  test('takes a section that it did not have at its end', () => {
    const added = { title: 'Request', body: 'not to be taken for Requests' };
    expect(withSection(page(three), added)).toBe(page([...three, added]));
  });
});

describe('the load generator', () => {
  let server: Server;
  let port = 0;
  const seen: string[] = [];
  const waiting: Array<() => void> = [];
  const handler: RequestListener = (req, res) => {
    seen.push(req.headers.authorization ?? '');
    if (req.url === '/wrong') res.writeHead(503, { 'content-length': '2' }).end('no');
    else if (req.url === '/unchanged') res.writeHead(304).end();
    else {
      // Two pieces, and two bytes for one letter.
      res.writeHead(200, { 'content-length': '4' }).write('a');
      waiting.push(() => res.end('bü'));
      // Nobody is answered until three wait.
      if (req.url === '/one' || waiting.length === 3) for (const answer of waiting.splice(0)) answer();
    }
  };

  beforeAll(async () => {
    server = createServer(handler);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const bounds = { status: 200, connections: 3, requestsMax: 42, msMax: 10_000 };

  test('sends as many requests as it may, each once, one at a time on each connection', async () => {
    seen.length = 0;
    const { requests, p50Ms, p99Ms } = await sendLoad({
      ...bounds,
      port,
      requestAt: (index) => getRequest(`token-${index}`, '/three'),
    });
    expect(requests).toBe(42);
    expect(new Set(seen).size).toBe(42);
    expect(waiting).toEqual([]);
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
  });

  test('stops when its time is over', async () => {
    const endless = { ...bounds, requestsMax: Number.POSITIVE_INFINITY, msMax: 30 };
    const { requests } = await sendLoad({ ...endless, port, requestAt: () => getRequest('t', '/one') });
    expect(requests).toBeGreaterThan(0);
  });

  test('does not count an answer of another status, but ends', async () => {
    const load = sendLoad({ ...bounds, port, requestAt: () => getRequest('t', '/wrong') });
    await expect(load).rejects.toThrow('expected 200, got 503');
  });

  test('knows that a 304 has no body', async () => {
    await expect(ask(port, getRequest('t', '/unchanged'))).resolves.toMatchObject({ status: 304 });
  });

  test('waits for the whole of an answer, counted in bytes, and refuses what it cannot measure', () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n';
    expect(wholeAnswer('HTTP/1.1 200 OK\r\n')).toBeUndefined();
    expect(wholeAnswer(`${head}ab`)).toBeUndefined();
    expect(wholeAnswer(`${head}abc`)).toMatchObject({ status: 200 });
    expect(() => wholeAnswer(`${head}abcd`)).toThrow('more came');
    expect(() => wholeAnswer('HTTP/1.1 200 OK\r\n\r\nabc')).toThrow('not announced');
  });
});

test('a patch announces its length in bytes, and a forged token differs in its signature only', () => {
  expect(patchRequest('t', { name: 'ü' })).toMatch(/\r\nContent-Length: 13\r\n\r\n\{"name":"ü"\}$/);
  const token = `header.claims.${'s'.repeat(40)}`;
  const other = forged(token);
  expect(other).not.toBe(token);
  expect(other).toHaveLength(token.length);
  expect(other.startsWith('header.claims.')).toBe(true);
});

test('the cores of a process are those the system lists, wherever they begin', () => {
  expect(coresIn("pid 7's current affinity list: 0,1\n")).toEqual([0, 1]);
  expect(coresIn("pid 7's current affinity list: 2-4,9\n")).toEqual([2, 3, 4, 9]);
});

test('the picture puts higher values higher, and text of its panels into no markup', () => {
  const points = [
    { at: 1, value: 2 },
    { at: 1000, value: 4 },
  ];
  const svg = drawPanels([{ title: 'a < b & c', unit: 'u', points }], { title: 't', unit: 'times' });
  const heights = [...svg.matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y));
  expect(heights).toHaveLength(2);
  expect(heights[1]).toBeLessThan(heights[0] ?? 0);
  expect(svg).toContain('a &lt; b &amp; c');
  expect(svg).toContain('1,000');
});
