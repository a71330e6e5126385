import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { accepts } from '../../src/http/request-options.ts';

const JSON_TYPE = 'application/json';

describe('JSON is acceptable for', () => {
  test.each([
    undefined,
    '*/*',
    'application/json',
    'APPLICATION/Json',
    'application/json; charset=utf-8',
    'application/json;charset="utf-8"',
    'application/json;indent=2',
    'application/json;profile="a, b; q=0"',
    'application/json ;\tq=0.001',
    'application/*',
    '*/*;q=0.1',
    'text/html, application/json;q=0.9',
    'application/json, text/plain, */*',
    ', ,application/json,,',
    'application/json;q=1.000',
    'application/json;version=2;q=0, application/json',
    'text/html;q=0, */*',
  ])('Accept: %s', (header) => {
    expect(accepts(header, JSON_TYPE)).toBe(true);
  });
});

describe('JSON is not acceptable for', () => {
  test.each([
    'text/html',
    'text/*',
    'application/json;q=0',
    'application/json;q=0.000',
    'application/json; charset=utf-8; q=0',
    'application/json;q="0"',
    'application/json;q=0, */*',
    'application/json;q=0, application/*;q=1',
    'application/*;q=0, */*',
    '*/*;q=0',
    'application/jsonp',
    'application/json-patch+json',
    'application/problem+json',
  ])('Accept: %s', (header) => {
    expect(accepts(header, JSON_TYPE)).toBe(false);
  });
});

test.each([
  '',
  ',',
  'json',
  'application/',
  '*/json',
  'application / json',
  'text/html;q=2',
  'text/html;q=x',
  'text/html, json',
  '"text/html',
])('an Accept header that cannot be read is taken as absent: %j', (header) => {
  expect(accepts(header, JSON_TYPE)).toBe(true);
});

test.each([
  ['text/event-stream;charset=utf-8', true],
  ['text/*', true],
  ['application/json', false],
])('a stream with Accept: %s is %s', (header, acceptable) => {
  expect(accepts(header, 'text/event-stream')).toBe(acceptable);
});

test('any text is read without an error, in a time that grows no faster than its length', () => {
  fc.assert(fc.property(fc.string(), (header) => typeof accepts(header, JSON_TYPE) === 'boolean'));
  const hostile = [
    `a/b${';'.repeat(16_000)}`,
    '"\\'.repeat(8_000),
    `a/b;c="${'\\"'.repeat(8_000)}`,
    '","'.repeat(5_000),
  ];
  expect(hostile.map((header) => accepts(header, JSON_TYPE))).toEqual([false, true, false, true]);
});
