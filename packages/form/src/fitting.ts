/**
 * Stored values do not always look as the schema says. Each is shown by a field that can hold it unchanged: a date that
 * is none as text, anything of another type as JSON.
 */
import { isJsonObject, type Json } from './json.ts';
import type { Plan, TextPlan } from './plan.ts';

const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** Time of day and the offset that the format asks for. */
export const TIME = /^(\d\d:\d\d:\d\d(?:\.\d{1,3})?)([Zz]|[+-]\d\d:\d\d)$/;

/** The plan by which `value` can be shown: `plan` itself wherever possible. */
export function planFor(plan: Plan, value: Json | undefined): Plan {
  if (value === undefined) {
    // There is nothing to pick, and so no picker.
    return plan.kind === 'text' && plan.readOnly ? { ...plan, input: 'text' } : plan;
  }
  if (plan.kind === 'text' && typeof value === 'string') return { ...plan, input: inputFor(plan, value) };
  return holds(plan, value) ? plan : { ...plan, kind: 'json' };
}

function holds({ kind }: Plan, value: Json): boolean {
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

function inputFor({ input }: TextPlan, value: string): TextPlan['input'] {
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
      // Such inputs drop spaces around the text, and write some letters in another way.
      return /^[\x21-\x7e]*$/.test(value) ? input : 'text';
  }
}

/** Also refuses 31 February, which Date would take for a day in March. */
function isDate(value: string): boolean {
  const day = value.slice(0, 10);
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
