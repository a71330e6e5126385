/**
 * Stored values do not always match the schema. Each is shown by a field that can hold it unchanged: an invalid date as
 * text, a value of another type as JSON.
 */
import { createElement } from './field.ts';
import { isJsonObject, type Json } from './json.ts';
import type { FieldSpec, Option } from './schema-to-fields.ts';

/** Captures the time of day, with milliseconds at most, which is what an input can hold, and the offset. */
export const TIME = /^(\d\d:\d\d:\d\d(?:\.\d{1,3})?)(Z|[+-]\d\d:\d\d)$/i;

/** The field that can show `value`: `spec` itself if possible. */
export function getFieldForValue(spec: FieldSpec, value: Json | undefined): FieldSpec {
  // Null is stored where a merge patch cannot put it, and means the same as nothing.
  if (value === undefined || value === null) return spec;
  if (spec.kind === 'text' && typeof value === 'string')
    return { ...spec, widget: getInputType(spec.widget, value) };
  if (canHold(spec, value)) return spec;
  // A list that no group of options and no line can show.
  if ((spec.kind === 'tags' || spec.kind === 'multi') && spec.item && Array.isArray(value)) {
    return { ...spec, kind: 'list', item: spec.item };
  }
  return { ...spec, kind: 'json', options: [] };
}

function canHold(spec: FieldSpec, value: Json): boolean {
  const isList = Array.isArray(value);
  switch (spec.kind) {
    case 'text':
      return false;
    case 'choice':
    case 'json':
      return true;
    case 'number':
      return typeof value === 'number';
    case 'checkbox':
      return typeof value === 'boolean';
    case 'tuple':
      return isList && value.length <= spec.members.size;
    case 'group':
    case 'whole':
    case 'entries':
      return isJsonObject(value);
    case 'variant':
      return isJsonObject(value) && spec.groups.has(JSON.stringify(value[spec.discriminator]));
    case 'list':
      return isList;
    case 'multi':
      return isList && isSubset(value, spec.options);
    case 'tags':
      return isList && value.every((item) => typeof item === 'string' && /^.+$/.test(item));
  }
}

/** Whether each value is one of the options, and none is there twice. */
function isSubset(values: readonly Json[], options: readonly Option[]): boolean {
  const texts = options.map(({ value }) => JSON.stringify(value));
  const places = values.map((value) => texts.indexOf(JSON.stringify(value)));
  return !places.includes(-1) && new Set(places).size === places.length;
}

/** The text as an input of this type writes it; empty if it cannot. */
export function normalize(type: string, text: string): string {
  const input = createElement('input', '', { type });
  input.value = text;
  return input.value;
}

/** The input that changes nothing of `value`. */
function getInputType(input: string, value: string): string {
  const fits = (type: string, text = value) => normalize(type, text) === text && text !== '';
  switch (input) {
    case 'textarea':
      return input;
    case 'datetime-local':
      if (fits('date', value.slice(0, 10)) && /[t ]/i.test(value.charAt(10)) && TIME.test(value.slice(11)))
        return input;
      break;
    case 'time':
      if (normalize(input, TIME.exec(value)?.[1] ?? '') !== '') return input;
      break;
    default:
      // Inputs take line breaks out, trim addresses and rewrite some of their letters.
      if (value === '' || fits(input)) return input;
  }
  return fits('text') ? 'text' : 'textarea';
}
