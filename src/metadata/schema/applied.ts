/**
 * Which schemas apply to the places of a document, so that what they note there (`readOnly`, `x-...`) can be asked for.
 *
 * A branch of `anyOf`, `oneOf` or `if` applies if it does so before the change or after it, so that no one evades a
 * note by changing in the same request what the branch depends on; where no branch holds, all apply. Items are told
 * apart by their positions.
 */
import type { JsonValue } from '../../lib/json.ts';
import { type Evaluation, has } from './evaluation.ts';
import { getAnnotatingInPlace, getBelow, type SchemaNode } from './node.ts';
import { getNames, type Place } from './place.ts';

/** A place that a schema applies to, before a change and after it. At least one of the two is there. */
export interface Applied {
  readonly node: SchemaNode;
  readonly path: readonly string[];
  readonly before: Place | undefined;
  readonly after: Place | undefined;
}

export interface Notes {
  /** Whether the schema notes the keyword anywhere. */
  readonly exist: boolean;
  /**
   * The places that are noted. Parts that the change leaves as they were are passed over, as is what lies below a
   * place that is noted itself.
   */
  find(before: Place | undefined, after: Place | undefined, evaluation: Evaluation): readonly Applied[];
}

/** Finds where an annotation with that value holds. */
export function createNotes(
  root: SchemaNode,
  keyword: string,
  isMeant: (value: JsonValue) => boolean,
): Notes {
  const leading = findLeading(root, isNoted);

  function isNoted({ source }: SchemaNode): boolean {
    const value = Object.hasOwn(source, keyword) ? source[keyword] : undefined;
    return value !== undefined && isMeant(value);
  }

  return {
    exist: leading.has(root),
    find: (before, after, evaluation) => findNoted(root, before, after, { evaluation, leading, isNoted }),
  };
}

/** The schemas from which a noted one can be reached. */
function findLeading(root: SchemaNode, isNoted: (node: SchemaNode) => boolean): ReadonlySet<SchemaNode> {
  const users = new Map<SchemaNode, SchemaNode[]>();
  const all = new Set([root]);
  for (const node of all) {
    for (const next of [...getAnnotatingInPlace(node), ...getBelow(node)]) {
      all.add(next);
      users.set(next, [...(users.get(next) ?? []), node]);
    }
  }
  const leading = new Set([...all].filter(isNoted));
  for (const node of leading) for (const user of users.get(node) ?? []) leading.add(user);
  return leading;
}

interface Search {
  readonly evaluation: Evaluation;
  readonly leading: ReadonlySet<SchemaNode>;
  readonly isNoted: (node: SchemaNode) => boolean;
}

function findNoted(
  root: SchemaNode,
  rootBefore: Place | undefined,
  rootAfter: Place | undefined,
  { evaluation, leading, isNoted }: Search,
): readonly Applied[] {
  const { places, meter, isValid } = evaluation;
  const visited = new Set<string>();
  const found = new Map<string, Applied>();
  visit({ node: root, path: [], before: rootBefore, after: rootAfter });
  return [...found.values()];

  function visit(applied: Applied): void {
    const { node, path, before, after } = applied;
    if (!leading.has(node) || (before === undefined && after === undefined)) return;
    if (before && after && places.isSame(before, after)) return;
    const key = `${node.id} ${before?.id ?? ''} ${after?.id ?? ''}`;
    if (visited.has(key)) return;
    visited.add(key);
    meter.spend(4);
    if (isNoted(node)) {
      found.set(JSON.stringify(path), applied);
      return;
    }
    for (const part of getApplying(
      node,
      [before, after].filter((place) => place !== undefined),
    )) {
      visit({ ...applied, node: part });
    }
    visitMembers(applied);
    visitItems(applied);
  }

  /** The schemas for the same place that apply in one of the two states. */
  function getApplying(node: SchemaNode, states: readonly Place[]): ReadonlySet<SchemaNode> {
    const applying = new Set(node.all);
    for (const place of states) {
      for (const branches of [node.anyOf ?? [], node.oneOf ?? []]) {
        const holding = evaluation.getHolding(branches, place);
        for (const branch of holding.length > 0 ? holding : branches) applying.add(branch);
      }
      if (node.condition) {
        const holds = isValid(node.condition, place);
        for (const part of holds ? [node.condition, node.whenTrue] : [node.whenFalse]) {
          if (part) applying.add(part);
        }
      }
      for (const [name, part] of node.dependentSchemas) if (has(place, name)) applying.add(part);
    }
    return applying;
  }

  function visitMembers({ node, path, before, after }: Applied): void {
    const { unevaluatedProperties } = node;
    const states = [before, after].filter((place) => place !== undefined);
    const child = (name: string) => ({
      path: [...path, name],
      before: before && memberOf(before, name),
      after: after && memberOf(after, name),
    });
    for (const name of new Set(states.flatMap(getNames))) {
      for (const schema of evaluation.getMemberSchemas(node, name))
        visit({ node: schema.node, ...child(name) });
    }
    if (!unevaluatedProperties || !leading.has(unevaluatedProperties)) return;
    const names = states.filter((place) => getNames(place).length > 0);
    for (const name of new Set(names.flatMap((place) => evaluation.getUnevaluated(node, place)))) {
      visit({ node: unevaluatedProperties, ...child(name) });
    }
  }

  function memberOf(place: Place, name: string): Place | undefined {
    return has(place, name) ? places.getChild(place, name) : undefined;
  }

  function visitItems({ node, path, before, after }: Applied): void {
    const [earlier, later] = [before ? places.getItems(before) : [], after ? places.getItems(after) : []];
    const unevaluated = new Set(
      node.unevaluatedItems
        ? [before, after].flatMap((place) =>
            place && places.getItems(place).length > 0 ? evaluation.getUnevaluated(node, place) : [],
          )
        : [],
    );
    for (let position = 0; position < Math.max(earlier.length, later.length); position += 1) {
      const states = { before: earlier[position], after: later[position] };
      const { contains } = node;
      const isContained = [states.before, states.after].some(
        (item) => contains && item && isValid(contains, item),
      );
      const schemas = [
        node.prefixItems[position] ?? node.items,
        isContained ? contains : undefined,
        unevaluated.has(String(position)) ? node.unevaluatedItems : undefined,
      ];
      for (const schema of schemas) {
        if (schema) visit({ node: schema, path: [...path, String(position)], ...states });
      }
    }
  }
}
