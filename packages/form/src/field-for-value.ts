/**
 * Stored values do not always match the schema. Each is shown by a field that can hold it unchanged: an invalid date as
 * text, a value of another type as JSON.
 */
import { isJsonObject, type Json } from './json.ts';
import type { FieldSpec, TextSpec } from './schema-to-fields.ts';

const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** Captures the time of day and the offset. */
export const TIME = /^(\d\d:\d\d:\d\d(?:\.\d{1,3})?)([Zz]|[+-]\d\d:\d\d)$/;

/** The field that can show `value`: `spec` itself if possible. */
export function getFieldForValue(spec: FieldSpec, value: Json | undefined): FieldSpec {
  if (value === undefined) {
    // A read-only field without a value needs no picker.
    return spec.kind === 'text' && spec.readOnly ? { ...spec, input: 'text' } : spec;
  }
  if (spec.kind === 'text' && typeof value === 'string') return { ...spec, input: getInputType(spec, value) };
  return canHold(spec, value) ? spec : { ...spec, kind: 'json' };
}

function canHold({ kind }: FieldSpec, value: Json): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'checkbox':
      return typeof value === 'boolean';
    case 'group':
      return isJsonObject(value);
    case 'list':
      return Array.isArray(value);
    case 'choice':
    case 'json':
      return true;
  }
}

function getInputType({ input }: TextSpec, value: string): TextSpec['input'] {
  switch (input) {
    case 'date':
      return DATE.test(value) && isDate(value) ? input : 'text';
    case 'datetime-local':
      return DATE_TIME.test(value) && isDate(value) ? input : 'text';
    case 'time':
      return isDate(`1970-01-01T${TIME.exec(value)?.[1] ?? ''}`) ? input : 'text';
    case 'textarea':
      return input;
    case 'text':
      return value.includes('\n') || value.includes('\r') ? 'textarea' : input;
    case 'email':
    case 'url':
      // Such inputs trim the text and rewrite some letters.
      return /^[\x21-\x7e]*$/.test(value) ? input : 'text';
  }
}

/** Also false for 31 February, which Date would turn into a day in March. */
function isDate(value: string): boolean {
  const day = value.slice(0, 10);
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
