/**
 * A list whose items can be added, removed and moved, or an object with names that the user chooses. An edit of one item
 * of a list is an edit of the whole list.
 */
import {
  createButton,
  createElement,
  createGroupFrame,
  emitInput,
  type Field,
  type FieldContext,
  getTitle,
  type InputError,
} from './field.ts';
import {
  applyMergePatch,
  asList,
  asObject,
  asText,
  createMergePatch,
  isJsonObject,
  isSameJson,
  type Json,
} from './json.ts';
import { formatMessage } from './messages.ts';
import { createNameSpec, type FieldSpec, type ListSpec } from './schema-to-fields.ts';
import { findBrokenRule } from './validation.ts';

interface Row {
  readonly field: Field;
  readonly element: HTMLLIElement;
  /** The field of the name of an entry. */
  readonly key: Field | undefined;
  readonly buttons: Readonly<Record<'moveUp' | 'moveDown' | 'remove', HTMLButtonElement>>;
}

export function createListField(spec: ListSpec, first: Json | undefined, context: FieldContext): Field {
  const { messages, announce, createField } = context;
  const { kind, item, lock, label: title, schema } = spec;
  const isList = kind === 'list';
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const list = createElement('ol', 'items');
  const add = createButton(messages.add, 'quiet add', () => {
    const row = createRow(undefined);
    setRows([...rows, row]);
    (row.key ?? row.field).focus();
    emitInput(list);
  });
  add.ariaLabel = `${messages.add}: ${title}`;
  add.hidden = lock !== '';
  const frame = createGroupFrame(spec, kind, context, list, add);

  let stored = first;
  let rows: readonly Row[] = [];
  const getKey = (row: Row): string => asText(row.key?.read());

  function createRow(value: Json | undefined, name?: string): Row {
    const field = createField(item, value);
    const key = isList ? undefined : createField({ ...createNameSpec(messages.key), lock }, undefined);
    if (name !== undefined) key?.setValue(name);
    key?.element.addEventListener('input', () => setRows(rows));
    const buttons = {
      moveUp: createButton('↑', 'small', () => change(row, -1)),
      moveDown: createButton('↓', 'small', () => change(row, 1)),
      remove: createButton('×', 'small', () => change(row, 0)),
    };
    const tools = createElement('div', 'tools', {}, ...Object.values(buttons));
    tools.hidden = lock !== '';
    const element = createElement('li', 'item', {}, key?.element, field.element, tools);
    const row: Row = { field, key, buttons, element };
    return row;
  }

  function setRows(next: readonly Row[]): void {
    rows = next;
    for (const [index, row] of rows.entries()) {
      const { key, field, buttons } = row;
      // The label of an entry is its name.
      const values = { label: item.label, position: index + 1 };
      const label = (key && getKey(row)) || formatMessage(messages.item, values, messages.lang);
      getTitle(field)?.replaceChildren(label);
      for (const name of ['moveUp', 'moveDown', 'remove'] as const) {
        buttons[name].ariaLabel = `${messages[name]}: ${label}`;
        buttons[name].hidden = !isList && name !== 'remove';
      }
      buttons.moveUp.disabled = index === 0;
      buttons.moveDown.disabled = index === rows.length - 1;
      buttons.remove.disabled = rows.length <= Number(minItems);
    }
    // An element that is put into its place again loses the focus.
    const { length } = list.children;
    if (length !== rows.length || rows.some(({ element }, index) => list.children[index] !== element))
      list.replaceChildren(...rows.map(({ element }) => element));
    list.hidden = rows.length === 0;
    add.disabled = rows.length >= Number(maxItems);
  }

  /** Moves `row` by so many places, or removes it for 0, and leads the focus along. */
  function change(row: Row, by: -1 | 0 | 1): void {
    const at = rows.indexOf(row);
    const values = { label: getTitle(row.field)?.textContent, position: at + by + 1 };
    const others = rows.toSpliced(at, 1);
    setRows(by === 0 ? others : others.toSpliced(at + by, 0, row));
    emitInput(list);
    announce(formatMessage(by === 0 ? messages.removed : messages.moved, values, messages.lang));
    const target = by === 0 ? rows[Math.min(at, rows.length - 1)] : row;
    const { moveUp, moveDown, remove } = target?.buttons ?? {};
    const wanted = [by < 0 ? moveUp : by > 0 ? moveDown : remove, moveUp, moveDown, remove, add];
    wanted.find((button) => button && !button.disabled && !button.hidden)?.focus();
  }

  const createRows = (value: Json | undefined): Row[] =>
    isList
      ? asList(value).map((one) => createRow(one))
      : Object.entries(asObject(value)).map(([key, one]) => createRow(one, key));
  setRows(createRows(first));

  const field: Field = {
    ...frame,
    read() {
      if (rows.length === 0 && !(isList ? Array.isArray(stored) : isJsonObject(stored))) return stored;
      const entries = rows.map((row): [string, Json] => [
        getKey(row),
        row.field.read() ?? getEmptyValue(item) ?? null,
      ]);
      const value = isList
        ? entries.map(([, one]) => one)
        : Object.fromEntries(entries.filter(([key]) => key !== ''));
      return isSameJson(value, stored) ? stored : value;
    },
    rebase(next) {
      const before = stored;
      const now = field.read();
      const edited = !isSameJson(now, before) || field.getErrors().length > 0;
      stored = next;
      if (!edited) field.setValue(next);
      // The entries that the user changed stay, and all others are as they are stored now.
      else if (!isList && isJsonObject(before) && isJsonObject(next) && isJsonObject(now)) {
        field.setValue(applyMergePatch(next, createMergePatch(before, now)));
      }
    },
    setValue(value) {
      if (!isSameJson(field.read(), value)) setRows(createRows(value));
    },
    getErrors() {
      const keys = rows.map(getKey);
      const found = rows.flatMap((row, index): readonly InputError[] => {
        const name = keys[index];
        if (row.key && (name === '' || keys.indexOf(getKey(row)) < index)) {
          return [{ field: row.key.findField([]), code: name === '' ? 'required' : 'duplicate' }];
        }
        const own = row.field.getErrors();
        const isFilled = row.field.read() !== undefined || getEmptyValue(item) !== undefined;
        return own.length > 0 || isFilled ? own : [{ field: row.field.findField([]), code: 'required' }];
      });
      const value = field.read();
      const broken =
        isList && value !== undefined && !isSameJson(value, stored)
          ? findBrokenRule(value, schema)
          : undefined;
      return broken && found.length === 0 ? [{ ...broken, field }] : found;
    },
    findField([step = '', ...steps]) {
      const row = isList ? rows[Number(step || Number.NaN)] : rows.find((one) => getKey(one) === step);
      return row?.field.findField(steps) ?? field;
    },
  };
  return field;
}

/** The value of an item that was added and not filled in; undefined if such an item means nothing. */
function getEmptyValue({ kind, widget, schema }: FieldSpec): Json | undefined {
  if (kind === 'checkbox') return schema['default'] === true;
  if (kind === 'text' && widget === 'text' && !schema['minLength']) return '';
  if (kind === 'group' || kind === 'entries') return {};
  return kind === 'list' || kind === 'multi' || kind === 'tags' ? [] : undefined;
}
