/** The composition rule: each part of the policy can only take away. */
import { describe, expect, test } from '@jest/globals';
import {
  type Arbitrary,
  array,
  assert,
  constant,
  constantFrom,
  option,
  property,
  record,
  subarray,
} from 'fast-check';
import {
  type AccessPolicy,
  combineRules,
  createAccess,
  type PolicyPlace,
  type Rule,
  type SchemaReason,
} from '../../../src/metadata/policy.ts';
import type { Subject } from '../../../src/metadata/ports.ts';
import { FREE_POLICY } from '../rules.ts';

const KEYS = ['a', 'b', 'c', 'd'];
const REASONS: readonly SchemaReason[] = ['schema', 'stamped', 'write_once'];

const keySet = option(
  subarray(KEYS).map((keys) => new Set(keys)),
  { nil: 'all' as const },
);
const rule: Arbitrary<Rule> = record({
  reason: constantFrom('application', 'scope', 'delegation'),
  readable: keySet,
  writable: keySet,
});
const place: Arbitrary<PolicyPlace> = record({
  key: constantFrom(...KEYS, undefined),
  fixedBy: subarray([...REASONS]).map((reasons) => new Set(reasons)),
});

function isReadable(rules: readonly Rule[], { key }: PolicyPlace): boolean {
  const { readable } = combineRules(rules);
  return readable === 'all' || (key !== undefined && readable.has(key));
}
const isOpen = (rules: readonly Rule[], where: PolicyPlace) =>
  combineRules(rules).getLock(where) === undefined;

/** The same rule with less in it. */
function narrow({ reason, readable, writable }: Rule, left: ReadonlySet<string>): Rule {
  const cut = (keys: Rule['readable']) =>
    new Set(KEYS.filter((key) => left.has(key) && (keys === 'all' || keys.has(key))));
  return { reason, readable: cut(readable), writable: cut(writable) };
}

describe('a narrower policy never opens what a wider one closes:', () => {
  const rules = array(rule, { maxLength: 4 });

  test('one more rule', () => {
    assert(
      property(rules, rule, place, (wide, more, where) => {
        for (const narrower of [
          [...wide, more],
          [more, ...wide],
        ]) {
          expect(!isOpen(narrower, where) || isOpen(wide, where)).toBe(true);
          expect(!isReadable(narrower, where) || isReadable(wide, where)).toBe(true);
        }
      }),
    );
  });

  test('a rule with fewer keys', () => {
    assert(
      property(rules, rule, subarray(KEYS), place, (others, wide, left, where) => {
        const narrower = [narrow(wide, new Set(left)), ...others];
        expect(!isOpen(narrower, where) || isOpen([wide, ...others], where)).toBe(true);
        expect(!isReadable(narrower, where) || isReadable([wide, ...others], where)).toBe(true);
      }),
    );
  });

  test('one more annotation of the schema', () => {
    assert(
      property(rules, place, constantFrom(...REASONS), (all, where, reason) => {
        const fixed = { ...where, fixedBy: new Set([...(where.fixedBy ?? []), reason]) };
        expect(isOpen(all, fixed)).toBe(false);
        expect(isReadable(all, fixed)).toBe(isReadable(all, where));
      }),
    );
  });
});

const SCOPES = ['read:metadata', 'update:metadata', 'use:a', 'read:b'];
const policy: AccessPolicy = {
  ...FREE_POLICY,
  scopedKeys: {
    'use:a': { readable: ['a'], writable: ['a'] },
    'read:b': { readable: ['b'], writable: [] },
  },
  clients: {
    narrow: { readable: ['a', 'b'], writable: ['b'] },
    blind: { readable: [] },
    typist: { writable: ['a'] },
  },
};
const subject: Arbitrary<Subject> = record({
  userId: constant('auth0|jane'),
  clientId: constantFrom('narrow', 'blind', 'typist', 'other', undefined),
  scopes: subarray(SCOPES).map((scopes) => new Set(scopes)),
  actor: constantFrom(undefined, { sub: 'auth0|desk' }),
  mappedClaims: constant({}),
});

/** What the subject may do with each key, by the enforced rules. */
function getRights(by: AccessPolicy, who: Subject): ReadonlySet<string> {
  const access = createAccess(by)(who);
  return new Set(
    KEYS.flatMap((key) => [
      ...(access.isReadable(key) ? [`read ${key}`] : []),
      ...(access.isWritable(key) ? [`change ${key}`] : []),
    ]),
  );
}

/** What the first may do and the second may not. */
function getExcess(who: Subject, other: Subject): readonly string[] {
  const rights = getRights(policy, other);
  return [...getRights(policy, who)].filter((right) => !rights.has(right));
}

describe('of two callers', () => {
  test('the one with fewer scopes can do no more', () => {
    assert(
      property(subject, subarray(SCOPES), (who, left) => {
        const fewer = { ...who, scopes: new Set(left.filter((scope) => who.scopes.has(scope))) };
        expect(getExcess(fewer, who)).toEqual([]);
      }),
    );
  });

  test('the one through a narrowed application, or an actor, can do no more', () => {
    assert(
      property(subject, (who) => {
        const free = { ...who, clientId: 'other' };
        const inPerson = { ...who, actor: undefined };
        expect(getExcess(who, free)).toEqual([]);
        expect(getExcess(who, inPerson)).toEqual([]);
      }),
    );
  });
});

test('a document is cut to what may be read, and put together again without a loss', () => {
  const document = { a: 1, b: 2, c: 3, d: 4 };
  assert(
    property(subject, subarray(KEYS), (who, changed) => {
      const access = createAccess(policy)(who);
      const read = access.getReadable(document);
      expect(Object.keys(read)).toEqual(KEYS.filter((key) => access.isReadable(key)));
      const before = access.getVisible(document);
      const own = changed.filter((key) => Object.hasOwn(before, key));
      const after = { ...before, ...Object.fromEntries(own.map((key) => [key, 0])) };
      const whole = access.restore(document, after);
      expect(whole).toEqual({ ...document, ...Object.fromEntries(own.map((key) => [key, 0])) });
    }),
  );
});

test('an actor who may write can do what the user can, and one that is not listed nothing', () => {
  const scopes = new Set(['read:metadata', 'update:metadata']);
  const desk = {
    userId: 'auth0|jane',
    clientId: undefined,
    scopes,
    actor: { sub: 'auth0|desk' },
    mappedClaims: {},
  };
  const writing = { ...FREE_POLICY, delegation: { access: 'write', actors: ['auth0|desk'] } } as const;
  expect(getRights(writing, desk)).toEqual(getRights(writing, { ...desk, actor: undefined }));
  expect(getRights(writing, { ...desk, actor: { sub: 'auth0|other' } })).toEqual(new Set());
});
