/** A list whose items can be added, removed and moved. An edit of one item is an edit of the whole list. */
import {
  createNotes,
  createTitle,
  type Field,
  type FieldContext,
  createElement,
  getFieldName,
  compact,
  setFieldName,
} from './field.ts';
import { isSameJson, type Json } from './json.ts';
import type { ListSpec, FieldSpec } from './schema-to-fields.ts';
import { formatItemMessage } from './messages.ts';

interface Row {
  readonly field: Field;
  readonly element: HTMLLIElement;
  /** Updates label and buttons for the position. */
  setPosition(index: number, count: number): void;
  focusButton(action: 'remove' | 'up' | 'down'): void;
}

export function createListField(spec: ListSpec, first: Json | undefined, context: FieldContext): Field {
  const { messages, announce, onChange } = context;
  const element = createElement('fieldset', { class: 'group list', part: 'group list' });
  const notes = createNotes(spec, undefined, element, context);
  const legend = createElement(
    'legend',
    { part: 'legend', tabindex: '-1' },
    createTitle(spec.label),
    ...compact([notes.mark]),
  );
  const list = createElement('ol', { part: 'items' });
  const add = createElement('button', { type: 'button', class: 'quiet', part: 'button add' }, messages.add);
  add.setAttribute('aria-label', `${messages.add}: ${spec.label}`);
  element.append(...compact([legend, notes.hint, notes.error]), list, add);
  add.hidden = spec.readOnly;

  let stored = first;
  let rows: readonly Row[] = [];

  function setRows(next: readonly Row[]): void {
    rows = next;
    // A moved element loses the focus, so that only elements in the wrong place are moved.
    for (const [index, row] of rows.entries()) {
      if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] ?? null);
      row.setPosition(index, rows.length);
    }
    while (list.children.length > rows.length) list.lastElementChild?.remove();
    list.hidden = rows.length === 0;
    add.disabled = rows.length >= spec.max;
  }

  function move(row: Row, by: 1 | -1): void {
    const from = rows.indexOf(row);
    const name = getFieldName(row.field);
    const without = rows.toSpliced(from, 1);
    setRows(without.toSpliced(from + by, 0, row));
    row.focusButton(by < 0 ? 'up' : 'down');
    announce(formatItemMessage(messages.moved, name, from + by + 1));
    onChange();
  }

  function remove(row: Row): void {
    const at = rows.indexOf(row);
    const name = getFieldName(row.field);
    setRows(rows.toSpliced(at, 1));
    const next = rows[Math.min(at, rows.length - 1)];
    if (next) next.focusButton('remove');
    else add.focus();
    announce(formatItemMessage(messages.removed, name, at + 1));
    onChange();
  }

  const createItem = (value: Json | undefined): Row =>
    createRow(spec, value, context, { remove, move, removable: () => rows.length > spec.min });
  const createItems = (value: Json | undefined): Row[] => (Array.isArray(value) ? value.map(createItem) : []);
  setRows(createItems(first));

  add.addEventListener('click', () => {
    const row = createItem(undefined);
    setRows([...rows, row]);
    row.field.focus();
    onChange();
  });

  const field: Field = {
    element,
    read() {
      const values = rows.map((row) => row.field.read() ?? getEmptyValue(spec.item) ?? null);
      if (values.length === 0 && !Array.isArray(stored)) return stored;
      return isSameJson(values, stored) ? stored : values;
    },
    rebase(next) {
      const edited = !isSameJson(field.read(), stored) || field.getErrors().length > 0;
      stored = next;
      if (!edited && !isSameJson(field.read(), next)) setRows(createItems(next));
    },
    setValue(value) {
      if (!isSameJson(field.read(), value)) setRows(createItems(value));
    },
    getErrors: () =>
      rows.flatMap((row) => {
        if (row.field.read() !== undefined || getEmptyValue(spec.item) !== undefined)
          return row.field.getErrors();
        const found = row.field.getErrors();
        return found.length > 0 ? found : [{ field: row.field.findField([]), message: messages.fillIn }];
      }),
    findField([step, ...steps]) {
      return rows[Number(step)]?.field.findField(steps) ?? field;
    },
    showErrors: notes.showErrors,
    focus: () => legend.focus(),
  };
  return field;
}

/** The value of an item that was added and not filled in; undefined if such an item means nothing. */
function getEmptyValue(item: FieldSpec): Json | undefined {
  switch (item.kind) {
    case 'text':
      return (item.minLength ?? 0) > 0 || item.input !== 'text' ? undefined : '';
    case 'checkbox':
      return item.fallback === true;
    case 'group':
      return {};
    case 'list':
      return [];
    case 'number':
    case 'choice':
    case 'json':
      return undefined;
  }
}

interface RowActions {
  readonly remove: (row: Row) => void;
  readonly move: (row: Row, by: 1 | -1) => void;
  readonly removable: () => boolean;
}

function createRow(
  spec: ListSpec,
  value: Json | undefined,
  context: FieldContext,
  { remove, move, removable }: RowActions,
): Row {
  const { messages } = context;
  const field = context.createField(spec.item, value);
  const buttons = {
    up: createButton('↑', () => move(row, -1)),
    down: createButton('↓', () => move(row, 1)),
    remove: createButton('×', () => remove(row)),
  };
  const tools = createElement('div', { class: 'tools', part: 'tools' }, ...Object.values(buttons));
  tools.hidden = spec.readOnly;
  const row: Row = {
    field,
    element: createElement('li', { part: 'item' }, field.element, tools),
    setPosition(index, count) {
      const name = formatItemMessage(messages.item, spec.item.label, index + 1);
      setFieldName(field, name);
      buttons.up.setAttribute('aria-label', `${messages.moveUp}: ${name}`);
      buttons.down.setAttribute('aria-label', `${messages.moveDown}: ${name}`);
      buttons.remove.setAttribute('aria-label', `${messages.remove}: ${name}`);
      buttons.up.disabled = index === 0;
      buttons.down.disabled = index === count - 1;
      buttons.remove.disabled = !removable();
    },
    focusButton(action) {
      const enabled = [buttons[action], buttons.up, buttons.down, buttons.remove].find(
        ({ disabled }) => !disabled,
      );
      (enabled ?? field).focus();
    },
  };
  return row;
}

function createButton(sign: string, act: () => void): HTMLButtonElement {
  const button = createElement('button', { type: 'button', class: 'small', part: 'button' }, sign);
  button.addEventListener('click', act);
  return button;
}
