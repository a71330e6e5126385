/** What operations make of documents: the examples of RFC 6902's appendix A that succeed, and more of the kind. */

type Document = Readonly<Record<string, unknown>>;
export type Example = readonly [
  name: string,
  before: Document,
  operations: readonly unknown[],
  after: Document,
];

const nested = { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } };
const list = { list: ['a', 'b'] };

export const APPENDIX: readonly Example[] = [
  [
    'A.1 adds an object member',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux' }],
    { foo: 'bar', baz: 'qux' },
  ],
  [
    'A.2 adds an array element',
    { foo: ['bar', 'baz'] },
    [{ op: 'add', path: '/foo/1', value: 'qux' }],
    { foo: ['bar', 'qux', 'baz'] },
  ],
  [
    'A.3 removes an object member',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'remove', path: '/baz' }],
    { foo: 'bar' },
  ],
  [
    'A.4 removes an array element',
    { foo: ['bar', 'qux', 'baz'] },
    [{ op: 'remove', path: '/foo/1' }],
    { foo: ['bar', 'baz'] },
  ],
  [
    'A.5 replaces a value',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'replace', path: '/baz', value: 'boo' }],
    { baz: 'boo', foo: 'bar' },
  ],
  [
    'A.6 moves a value',
    nested,
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7 moves an array element',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  [
    'A.8 tests values',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  [
    'A.10 adds a nested member object',
    { foo: 'bar' },
    [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    { foo: 'bar', child: { grandchild: {} } },
  ],
  [
    'A.11 ignores members it does not know',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
    { foo: 'bar', baz: 'qux' },
  ],
  [
    'A.14 unescapes in the right order',
    { '/': 9, '~1': 10 },
    [{ op: 'test', path: '/~01', value: 10 }],
    { '/': 9, '~1': 10 },
  ],
  [
    'A.16 adds an array as one element',
    { foo: ['bar'] },
    [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
    { foo: ['bar', ['abc', 'def']] },
  ],
];

export const MORE: readonly Example[] = [
  ['add replaces a member that is there', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
  [
    'add appends at the length',
    list,
    [{ op: 'add', path: '/list/2', value: 'c' }],
    { list: ['a', 'b', 'c'] },
  ],
  ['add inserts in front', list, [{ op: 'add', path: '/list/0', value: 'c' }], { list: ['c', 'a', 'b'] }],
  [
    'add makes a member of digits in an object',
    { a: {} },
    [{ op: 'add', path: '/a/01', value: 1 }],
    { a: { '01': 1 } },
  ],
  [
    'add takes null below the first level',
    { a: {} },
    [{ op: 'add', path: '/a/b', value: null }],
    { a: { b: null } },
  ],
  ['replace takes false', { a: 1 }, [{ op: 'replace', path: '/a', value: false }], { a: false }],
  ['remove finds null', { a: { b: null } }, [{ op: 'remove', path: '/a/b' }], { a: {} }],
  [
    'copy keeps the source',
    { a: { b: 1 } },
    [{ op: 'copy', from: '/a', path: '/c' }],
    { a: { b: 1 }, c: { b: 1 } },
  ],
  [
    'a copy is apart from its source',
    { a: { b: 1 } },
    [
      { op: 'copy', from: '/a', path: '/c' },
      { op: 'replace', path: '/c/b', value: 2 },
    ],
    { a: { b: 1 }, c: { b: 2 } },
  ],
  [
    'a value added twice is two values',
    {},
    [
      { op: 'add', path: '/a', value: { list: [] } },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/list/-', value: 1 },
    ],
    { a: { list: [] }, b: { list: [1] } },
  ],
  [
    'copy appends to a list',
    list,
    [{ op: 'copy', from: '/list/0', path: '/list/-' }],
    { list: ['a', 'b', 'a'] },
  ],
  ['move to itself changes nothing', { a: 1 }, [{ op: 'move', from: '/a', path: '/a' }], { a: 1 }],
  ['move renames', { a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/b' }], { b: { b: 1 } }],
  ['move replaces what is there', { a: 1, b: 2 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  [
    'test compares objects without order and lists with it',
    { a: { x: [1, { y: null }], z: 1 } },
    [{ op: 'test', path: '/a', value: { z: 1.0, x: [1, { y: null }] } }],
    { a: { x: [1, { y: null }], z: 1 } },
  ],
  [
    'operations see what those before them did',
    { a: 1 },
    [
      { op: 'move', from: '/a', path: '/b' },
      { op: 'test', path: '/b', value: 1 },
      { op: 'add', path: '/a', value: { from: 'b' } },
      { op: 'remove', path: '/b' },
    ],
    { a: { from: 'b' } },
  ],
  ['replace of the whole document', { a: 1, b: 2 }, [{ op: 'replace', path: '', value: { b: 3 } }], { b: 3 }],
  ['add of the whole document', { a: 1 }, [{ op: 'add', path: '', value: {} }], {}],
  ['test of the whole document', { a: [1] }, [{ op: 'test', path: '', value: { a: [1] } }], { a: [1] }],
  ['copy of the whole into itself', { a: 1 }, [{ op: 'copy', from: '', path: '/b' }], { a: 1, b: { a: 1 } }],
  ['move of a child to the root', { a: { b: 1 }, c: 2 }, [{ op: 'move', from: '/a', path: '' }], { b: 1 }],
  ['copy of a child to the root', { a: { b: 1 }, c: 2 }, [{ op: 'copy', from: '/a', path: '' }], { b: 1 }],
  [
    'null at the root on the way to something else',
    { a: 1 },
    [
      { op: 'replace', path: '/a', value: null },
      { op: 'replace', path: '/a', value: 2 },
    ],
    { a: 2 },
  ],
];
