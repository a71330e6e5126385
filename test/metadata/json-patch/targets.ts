/** Where operations find nothing, or can put nothing, in one document. */
import { notApplicable, type Refusal, testFailed } from './patching.ts';

export const DOCUMENT = {
  list: ['a', 'b'],
  child: { x: 1, null: null },
  text: 'abc',
  empty: '',
  number: 7,
  zero: 0,
  no: false,
  other: { y: 2 },
};

export type Row = readonly [name: string, operation: Readonly<Record<string, unknown>>, refusal: Refusal];

/** Targets where nothing is, or nothing can be. */
export const NOWHERE = [
  '/missing',
  '/child/missing',
  '/child/x/y',
  '/child/null/y',
  '/list/2',
  '/list/-',
  '/list/00',
  '/list/01',
  '/list/1e0',
  '/list/+1',
  '/list/-1',
  '/list/ 1',
  '/list/1.0',
  '/list/',
  '/list/length',
  '/list/0/length',
  '/text/length',
  '/text/0',
  '/number/x',
];
/** Places where nothing can be added, whatever the operation. */
export const NO_PLACE = [
  '/missing/x',
  '/missing/x/y',
  '/child/x/y',
  '/child/null/y',
  '/text/x',
  '/text/0',
  '/empty/x',
  '/number/x',
  '/zero/x',
  '/no/x',
  '/list/3',
  '/list/99',
  '/list/00',
  '/list/01',
  '/list/1e0',
  '/list/+1',
  '/list/-1',
  '/list/0x1',
  '/list/1.0',
  '/list/',
  '/list/length',
  '/list/x',
  '/list/-/x',
];

export const OTHERS: readonly Row[] = [
  ['a test of another type', { op: 'test', path: '/number', value: '7' }, testFailed('/number')],
  ['a test of null against false', { op: 'test', path: '/no', value: null }, testFailed('/no')],
  [
    'a test of a list in another order',
    { op: 'test', path: '/list', value: ['b', 'a'] },
    testFailed('/list'),
  ],
  [
    'a test of a list against an object',
    { op: 'test', path: '/list', value: { 0: 'a', 1: 'b' } },
    testFailed('/list'),
  ],
  ['a test that leaves out a member', { op: 'test', path: '/child', value: { x: 1 } }, testFailed('/child')],
  [
    'a test that asks for more members',
    { op: 'test', path: '/child', value: { x: 1, null: null, y: null } },
    testFailed('/child'),
  ],
  ['a test of the whole document', { op: 'test', path: '', value: {} }, testFailed('')],
  ['removing the whole document', { op: 'remove', path: '' }, notApplicable('')],
  [
    'moving a value into its own child',
    { op: 'move', from: '/child', path: '/child/x' },
    notApplicable('/child'),
  ],
  ['moving the whole into itself', { op: 'move', from: '', path: '/new' }, notApplicable('')],
  [
    'moving an item beyond the end of what is left',
    { op: 'move', from: '/list/0', path: '/list/2' },
    notApplicable('/list/2'),
  ],
];
