/** Places of an instance: each value with the way to it, so that what is found out about it is kept with it. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import type { Meter } from './evaluation.ts';

export interface Place {
  /** Tells places apart. */
  readonly id: number;
  readonly value: JsonValue;
  readonly parent: Place | undefined;
  /** The name or position within the parent; '' at the root. */
  readonly name: string;
}

/** Makes places, each once, and compares them. All work is paid for. */
export interface Places {
  readonly createRoot: (value: JsonValue) => Place;
  /** A place for a name, so that a schema can be asked about it. */
  readonly createName: (name: string) => Place;
  /** The member or item of that name, if there is one. */
  readonly getChild: (place: Place, name: string) => Place | undefined;
  /** The items of a list, or none. */
  readonly getItems: (place: Place) => readonly Place[];
  /** One text for all equal values. */
  readonly getText: (place: Place) => string;
  readonly isSame: (left: Place, right: Place) => boolean;
}

/** Characters of text that cost as much as one step of a walk. */
const CHARACTERS_PER_UNIT = 32;
/** What it costs to compare two values, beside a step. */
const COMPARISON = 0.25;
const NONE: readonly Place[] = [];

export function createPlaces(meter: Meter): Places {
  let count = 0;
  const children = new Map<Place, Map<string, Place>>();
  const items = new Map<Place, readonly Place[]>();
  const texts = new Map<Place, string>();
  /** The last comparison of each place: nearly every one is compared with one other place only. */
  const compared = new Map<Place, { readonly to: Place; readonly isSame: boolean }>();

  function createPlace(value: JsonValue, parent: Place | undefined, name: string): Place {
    count += 1;
    return { id: count, value, parent, name };
  }

  function getItems(place: Place): readonly Place[] {
    const { value } = place;
    if (!isList(value)) return NONE;
    const known = items.get(place);
    if (known) return known;
    const made = value.map((item, position) => createPlace(item, place, String(position)));
    items.set(place, made);
    return made;
  }

  function getChild(place: Place, name: string): Place | undefined {
    const { value } = place;
    if (isList(value)) return getItems(place)[Number(name)];
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    const known = children.get(place) ?? new Map<string, Place>();
    const child = known.get(name) ?? createPlace(value[name] ?? null, place, name);
    known.set(name, child);
    children.set(place, known);
    return child;
  }

  function getText(place: Place): string {
    const known = texts.get(place);
    if (known !== undefined) return known;
    const text = writeText(place);
    meter.spend(1 + text.length / CHARACTERS_PER_UNIT);
    texts.set(place, text);
    return text;
  }

  function writeText(place: Place): string {
    const { value } = place;
    if (isList(value)) return `[${getItems(place).map(getText).join(',')}]`;
    if (!isJsonObject(value)) return JSON.stringify(value);
    const members = getNames(place)
      .toSorted()
      .map((name) => {
        const child = getChild(place, name);
        return `${JSON.stringify(name)}:${child ? getText(child) : 'null'}`;
      });
    return `{${members.join(',')}}`;
  }

  /** Looks no further than to the first difference. */
  function isEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
    meter.spend(COMPARISON);
    if (left === right) return true;
    if (Array.isArray(left) && Array.isArray(right)) {
      return (
        left.length === right.length &&
        left.every((item: JsonValue, position) => isEqual(item, right[position]))
      );
    }
    if (!isJsonObject(left) || !isJsonObject(right)) return false;
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && isEqual(left[name], right[name]))
    );
  }

  return {
    createRoot: (value) => createPlace(value, undefined, ''),
    createName: (name) => createPlace(name, undefined, ''),
    getChild,
    getItems,
    getText,
    isSame(left, right) {
      const known = compared.get(left);
      if (known?.to === right) return known.isSame;
      const isSame = isEqual(left.value, right.value);
      compared.set(left, { to: right, isSame });
      return isSame;
    },
  };
}

/** The names of an object's members, or none. */
export function getNames({ value }: Place): string[] {
  return isJsonObject(value) ? Object.keys(value) : [];
}

export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isObject(value: JsonValue): value is JsonObject {
  return isJsonObject(value);
}

/** The names and positions that lead to a place, from the root. */
export function getPath(place: Place): readonly string[] {
  const path: string[] = [];
  for (let at: Place | undefined = place; at?.parent; at = at.parent) path.push(at.name);
  return path.toReversed();
}
