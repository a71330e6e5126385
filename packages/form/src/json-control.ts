/** Whatever has no field of its own, as JSON in a text area. */
import { type Basis, type Control, TextError } from './control.ts';
import { hasDuplicateMembers, hasExactNumbers } from './exact-json.ts';
import { make } from './field.ts';
import { isJsonObject, type Json } from './json.ts';
import { applyMergePatch, mergePatchOf } from './merge-patch.ts';
import type { JsonPlan } from './plan.ts';
import type { Messages } from './messages.ts';

const ROWS_MAX = 12;

export function createJsonControl({ readOnly }: JsonPlan, messages: Messages): Control {
  const element = make('textarea', {
    class: 'json',
    part: 'input json',
    spellcheck: 'false',
    autocapitalize: 'off',
  });
  element.readOnly = readOnly;
  return {
    element,
    hint: messages.jsonHint,
    text: () => element.value,
    write(text) {
      element.value = text;
      element.rows = Math.min(ROWS_MAX, text.split('\n').length + 1);
    },
    format: (value) => (value === undefined ? '' : JSON.stringify(value, null, 2)),
    parse(text, basis) {
      return text.trim() === '' ? undefined : carried(parsed(text, messages), basis);
    },
  };
}

/** The edits made to an object since `origin`, on what is stored now: what others added to it stays. */
function carried(value: Json, { stored, origin }: Basis): Json {
  if (!isJsonObject(value) || !isJsonObject(stored) || !isJsonObject(origin)) return value;
  return applyMergePatch(stored, mergePatchOf(origin, value));
}

function parsed(text: string, messages: Messages): Json {
  const value = parse(text);
  if (value === undefined) throw new TextError(messages.notJson);
  // What would be stored is not what was typed.
  if (!hasExactNumbers(text)) throw new TextError(messages.notExact);
  if (hasDuplicateMembers(text, value)) throw new TextError(messages.duplicate);
  return value;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
