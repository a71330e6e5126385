/**
 * The operator's JSON Schema as a component of the document. Its references to itself are rewritten to where
 * it now stands: few tools follow an `$id`, which would spare that.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';

/** Keywords that hold data, in which a member named `$ref` is no reference. */
const DATA = new Set(['const', 'default', 'enum', 'examples']);
/** Keywords whose members are schemas, whatever they are called. */
const SCHEMAS_BY_NAME = new Set([
  '$defs',
  'definitions',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);
/** References within the schema, by JSON Pointer; those by anchor hold anywhere in the document. */
const OWN_POINTER = /^#(?=\/|$)/;

/** @param place where the schema stands in the document, such as `#/components/schemas/Name`. */
export function relocatedSchema(schema: JsonObject, place: string): JsonObject {
  const { $id: _id, $schema: _dialect, ...content } = schema;
  return relocate(content);

  function relocate(node: JsonObject): JsonObject {
    return mapMembers(node, (keyword, value) => {
      if (keyword === '$ref' && typeof value === 'string') return value.replace(OWN_POINTER, place);
      if (DATA.has(keyword)) return value;
      if (SCHEMAS_BY_NAME.has(keyword) && isJsonObject(value)) {
        return mapMembers(value, (_name, child) => relocateValue(child));
      }
      return relocateValue(value);
    });
  }

  function relocateValue(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return value.map(relocateValue);
    // A part with an `$id` is a resource of its own, in which references stay.
    return isJsonObject(value) && value['$id'] === undefined ? relocate(value) : value;
  }
}

function mapMembers(object: JsonObject, map: (key: string, value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(key, value)]));
}
