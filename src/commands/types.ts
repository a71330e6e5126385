/**
 * `types`: the operator's JSON Schema as a TypeScript declaration, by json-schema-to-typescript. That one knows neither
 * `readOnly` nor the tuples of draft 2020-12, and names a type for every `title`; this prepares the schema for it.
 */
import { compile } from 'json-schema-to-typescript';
import type { ReadFile } from '../../config/environment.ts';
import { loadPolicy } from '../../config/policy.ts';
import { SafeError } from '../lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { resolve } from '../metadata/json-pointer.ts';

/** Keywords that hold data, in which nothing is a schema. */
const DATA = new Set(['const', 'default', 'enum', 'examples']);
/** Keywords whose members are schemas, whatever they are called. */
const SCHEMAS_BY_NAME = new Set(['$defs', 'definitions', 'dependentSchemas', 'patternProperties']);
/** Keywords that only the root may have, and that would name the type. */
const NAMES = new Set(['title', '$id', '$schema']);
/** Stands before the name of a read-only property until the text is there. */
const MARK = 'read-only property ';

const BANNER = '/** Written from the JSON Schema of user_metadata by `metadata-bff types`. */';

/**
 * Prints the declaration for a policy file or, where the source begins with `http`, for a running service.
 * @returns the exit code. @throws SafeError for a source without a schema that could be declared.
 */
export async function printTypes(source: string, readFile: ReadFile): Promise<number> {
  const schema = await readSchema(source, readFile);
  const text = await userMetadataTypes(schema).catch((error: unknown) => {
    throw new SafeError(`no types follow from the schema: ${error instanceof Error ? error.message : ''}`);
  });
  process.stdout.write(text);
  return 0;
}

async function readSchema(source: string, readFile: ReadFile): Promise<JsonObject> {
  if (/^https?:/.test(source)) return fetchSchema(`${source.replace(/\/+$/, '')}/schemas/user-metadata`);
  const errors: string[] = [];
  const policy = loadPolicy(source, readFile, errors);
  if (!policy) throw new SafeError(errors.join('\n'));
  return policy.userMetadata.schema ?? {};
}

async function fetchSchema(address: string): Promise<JsonObject> {
  const response = await fetch(address).catch(() => {
    throw new SafeError(`${address} does not answer`);
  });
  const schema: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  if (!isJsonObject(schema)) throw new SafeError(`${address} has no schema: it answered ${response.status}`);
  return schema;
}

/**
 * The text of a module that exports `UserMetadata`. Types say less than the schema where they cannot say it:
 * patterns, sizes, conditions.
 * @throws Error for a schema that refers to anything outside of itself.
 */
export async function userMetadataTypes(schema: JsonObject): Promise<string> {
  const text = await compile({ type: 'object', ...prepared(schema) }, 'UserMetadata', {
    bannerComment: BANNER,
    // A type for each length that a list may have is no help.
    ignoreMinAndMaxItems: true,
    $refOptions: { resolve: { external: false } },
    style: { singleQuote: true, printWidth: 110 },
  });
  return text.replaceAll(
    new RegExp(`(['"])${MARK}(.+?)\\1(\\??:)`, 'g'),
    (_all, quote: string, name: string, end: string) =>
      /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)
        ? `readonly ${name}${end}`
        : `readonly ${quote}${name}${quote}${end}`,
  );

  function prepared(node: JsonObject): JsonObject {
    const { prefixItems, properties, required, ...rest } = node;
    const names = new Map(
      Object.entries(isJsonObject(properties) ? properties : {}).map(([name, child]) => [
        name,
        isJsonObject(child) && isReadOnly(child) ? MARK + name : name,
      ]),
    );
    const entries = Object.entries(rest)
      .filter(([keyword]) => !NAMES.has(keyword))
      .map(([keyword, value]): [string, JsonValue] => {
        if (DATA.has(keyword)) return [keyword, value];
        return [
          keyword,
          SCHEMAS_BY_NAME.has(keyword) && isJsonObject(value) ? byName(value) : preparedValue(value),
        ];
      });
    return {
      ...Object.fromEntries(entries),
      ...(isJsonObject(properties) ? { properties: byName(properties, names) } : {}),
      ...(Array.isArray(required)
        ? { required: required.map((name) => names.get(String(name)) ?? name) }
        : {}),
      ...(Array.isArray(prefixItems)
        ? { items: prefixItems.map(preparedValue), additionalItems: preparedValue(rest['items'] ?? true) }
        : {}),
    };
  }

  function byName(schemas: JsonObject, names = new Map<string, string>()): JsonObject {
    return Object.fromEntries(
      Object.entries(schemas).map(([name, child]) => [names.get(name) ?? name, preparedValue(child)]),
    );
  }

  function preparedValue(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return value.map(preparedValue);
    return isJsonObject(value) ? prepared(value) : value;
  }

  /** Whether the schema, or one that it applies to the same value in any case, is marked. */
  function isReadOnly(child: JsonObject, seen: ReadonlySet<JsonObject> = new Set()): boolean {
    if (child['readOnly'] === true) return true;
    if (seen.has(child)) return false;
    const { $ref, allOf } = child;
    const target =
      typeof $ref === 'string' && $ref.startsWith('#/')
        ? resolve(schema, decodeURIComponent($ref.slice(1)))
        : undefined;
    return [target, ...(Array.isArray(allOf) ? allOf : [])].some(
      (part) => isJsonObject(part) && isReadOnly(part, new Set([...seen, child])),
    );
  }
}
