/**
 * Which places a schema names, and which schemas apply to each of them in a document: those that are there, and those
 * that could be.
 */
import { type Evaluation, getApplying, WorkExceeded } from './evaluation.ts';
import { getAnnotatingInPlace, type SchemaNode } from './node.ts';
import { getNames, isList, type Place } from './place.ts';

export interface NamedPlace {
  readonly path: readonly string[];
  /** What is stored there. */
  readonly place: Place | undefined;
  /** The schemas that apply to it, as the document is. */
  readonly applying: ReadonlySet<SchemaNode>;
  /**
   * Whether `properties` names it and each place above. Items, and members that a pattern or `additionalProperties`
   * leads to, have their names from the document.
   */
  readonly isNamed: boolean;
}

/** More than any form shows. */
const MAX_PLACES = 1_000;

/** Which schemas are of interest: those that `leadsTo` holds for, and what stands below them. */
type Filter = (node: SchemaNode) => boolean;

interface Visit extends NamedPlace {
  /** Schemas whose names count although they do not apply: branches that do not hold, or not yet. */
  readonly possible: ReadonlySet<SchemaNode>;
  /** Those of the places above that are not there, so that a recursive schema comes to an end. */
  readonly above: ReadonlySet<SchemaNode>;
}

/**
 * The places that the schema names and those that it leads to in this document, the document itself first, parents
 * before children. Of a recursive schema, those down to one level below what is there. At most 1,000, and no more than
 * the work of one judgement can find.
 */
export function findPlaces(root: SchemaNode, document: Place, evaluation: Evaluation): readonly NamedPlace[] {
  const found: NamedPlace[] = [];
  try {
    for (const place of walkPlaces(root, document, evaluation, () => true)) {
      found.push(place);
      if (found.length === MAX_PLACES) break;
    }
  } catch (error) {
    if (!(error instanceof WorkExceeded)) throw error;
  }
  return found;
}

/**
 * The same one by one, without an end to their number, where schemas for which `leadsTo` does not hold are passed over.
 * @throws WorkExceeded.
 */
export function* walkPlaces(
  root: SchemaNode,
  document: Place,
  evaluation: Evaluation,
  leadsTo: Filter,
): Generator<NamedPlace> {
  const { places, meter, isValid } = evaluation;
  const open: Visit[] = [
    {
      path: [],
      place: document,
      applying: new Set([root]),
      possible: new Set(),
      isNamed: true,
      above: new Set(),
    },
  ];
  for (let next = open.shift(); next; next = open.shift()) yield visit(next);

  function visit(start: Visit): NamedPlace {
    const { path, place, above } = start;
    const applying = expand(start.applying, (node) => getCertain(node, place));
    const possible = expand(new Set([...applying, ...start.possible]), getAnnotatingInPlace);
    const found = { path, place, applying, isNamed: start.isNamed };
    meter.spend(4 + possible.size);
    if (place === undefined && [...possible].every((node) => above.has(node))) return found;
    const below = { ...start, applying, possible, above: place ? above : new Set([...above, ...possible]) };
    visitMembers(below);
    if (place && isList(place.value)) visitItems(below, place);
    return found;
  }

  function push(next: Visit): void {
    if ([...next.applying, ...next.possible].some(leadsTo)) open.push(next);
  }

  /** Where nothing is there, no branch can be said to hold. */
  function getCertain(node: SchemaNode, place: Place | undefined): Iterable<SchemaNode> {
    return place === undefined ? node.all : getApplying(node, [place], evaluation);
  }

  function visitMembers(parent: Visit): void {
    const { place, applying, possible } = parent;
    const named = new Set([...possible].flatMap((node) => [...node.properties.keys()]));
    const stored = place ? getNames(place) : [];
    const unevaluated = new Map(
      place && stored.length > 0
        ? [...applying].flatMap((node) =>
            node.unevaluatedProperties
              ? [[node.unevaluatedProperties, new Set(evaluation.getUnevaluated(node, place))] as const]
              : [],
          )
        : [],
    );
    for (const name of new Set([...named, ...stored])) {
      const getSchemas = (nodes: ReadonlySet<SchemaNode>) =>
        [...nodes].flatMap((node) => evaluation.getMemberSchemas(node, name).map((member) => member.node));
      const others = [...unevaluated].filter(([, names]) => names.has(name)).map(([node]) => node);
      meter.spend(1);
      push({
        path: [...parent.path, name],
        place: stored.includes(name) && place ? places.getChild(place, name) : undefined,
        applying: new Set([...getSchemas(applying), ...others]),
        possible: new Set(getSchemas(possible)),
        isNamed: parent.isNamed && named.has(name),
        above: parent.above,
      });
    }
  }

  function visitItems(parent: Visit, list: Place): void {
    for (const [position, item] of places.getItems(list).entries()) {
      const schemas = [...parent.applying].flatMap((node) => [
        node.prefixItems[position] ?? node.items,
        node.contains && isValid(node.contains, item) ? node.contains : undefined,
        node.unevaluatedItems && evaluation.getUnevaluated(node, list).includes(String(position))
          ? node.unevaluatedItems
          : undefined,
      ]);
      meter.spend(1);
      push({
        path: [...parent.path, String(position)],
        place: item,
        applying: new Set(schemas.filter((node) => node !== undefined)),
        possible: new Set(),
        isNamed: false,
        above: parent.above,
      });
    }
  }
}

/** These schemas and all that they lead to at the same place. */
function expand(
  start: ReadonlySet<SchemaNode>,
  getNext: (node: SchemaNode) => Iterable<SchemaNode>,
): ReadonlySet<SchemaNode> {
  const all = new Set(start);
  for (const node of all) for (const next of getNext(node)) all.add(next);
  return all;
}
