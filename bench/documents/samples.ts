/** Documents: as large as the service accepts, in the shapes that cost the most; and of any size. */
import { jsonBytes, type JsonObject, type JsonValue } from '../../src/lib/json.ts';

export const LIMITS = { bytesMax: 8192, keysMax: 100, depthMax: 10 };

/** What a small app keeps about its user, and a note that fills it up to the size. */
export function profileDocument(bytes: number, index = 0): JsonObject {
  const fields = {
    display_name: `User number ${index}`,
    theme: index % 2 === 0 ? 'dark' : 'light',
    language: 'de-CH',
    birthday: '1990-05-17',
    text_size: 100 + (index % 50),
    notifications: { email: true, push: false, digest: { frequency: 'weekly', day: 'monday' } },
    interests: ['hiking', 'chess', 'opera'],
  };
  return { ...fields, note: 'x'.repeat(bytes - jsonBytes({ ...fields, note: '' })) };
}

/** What an app keeps about its user, and a list of what was seen last that fills the rest. */
export function typicalDocument(): JsonObject {
  const document = {
    display_name: 'Jane Doe',
    theme: 'dark',
    language: 'de-CH',
    birthday: '1990-05-17',
    text_size: 110,
    notifications: { email: true, push: false, digest: { frequency: 'weekly', day: 'monday' } },
    interests: ['hiking', 'chess', 'opera'],
    address: {
      street: 'Bahnhofstrasse 1',
      city: 'Zürich',
      country: 'CH',
      position: { lat: 47.37, lon: 8.54 },
    },
  };
  const recent: JsonValue[] = [];
  while (jsonBytes({ ...document, recent }) < LIMITS.bytesMax - 110) {
    recent.push({ id: `item-${recent.length}`, title: `An item of the catalogue`, rating: 4.5, seen: true });
  }
  return { ...document, recent };
}

/** As many keys at the first level as there may be, and as few bytes in each as fill the document. */
export function wideDocument(): JsonObject {
  const entries = Array.from({ length: 100 }, (_, index) => [
    `preference_${index}`,
    `${'x'.repeat(55)}${index}`,
  ]);
  return Object.fromEntries(entries);
}

/** A tree of full depth, with the bytes in its leaves. */
export function deepDocument(): JsonObject {
  const branch = (level: number): JsonObject =>
    level === LIMITS.depthMax
      ? { leaf: 'y'.repeat(16), n: level }
      : { left: level < 7 ? branch(level + 1) : level, right: branch(level + 1) };
  return branch(1);
}

/** The same document with a different value at every leaf that is a string: the longest patch there is. */
export function everyLeafChanged(value: JsonValue): JsonValue {
  if (typeof value === 'string') return `${value.slice(0, -1)}z`;
  if (Array.isArray(value)) return value.map(everyLeafChanged);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, everyLeafChanged(child)]));
}
