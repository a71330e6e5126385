/** A list whose items can be added, removed and moved. It is one value: an edit of any item is an edit of the list. */
import {
  createNotes,
  createTitle,
  type Field,
  type FieldContext,
  make,
  nameOf,
  present,
  rename,
} from './field.ts';
import { isSameJson, type Json } from './json.ts';
import type { ListPlan, Plan } from './plan.ts';
import { fill } from './messages.ts';

interface Row {
  readonly field: Field;
  readonly element: HTMLLIElement;
  /** Shows where it stands now. */
  place(index: number, count: number): void;
  focusButton(action: 'remove' | 'up' | 'down'): void;
}

export function createListField(plan: ListPlan, first: Json | undefined, context: FieldContext): Field {
  const { messages, announce, changed } = context;
  const element = make('fieldset', { class: 'group list', part: 'group list' });
  const notes = createNotes(plan, undefined, element, context);
  const legend = make(
    'legend',
    { part: 'legend', tabindex: '-1' },
    createTitle(plan.label),
    ...present([notes.mark]),
  );
  const list = make('ol', { part: 'items' });
  const add = make('button', { type: 'button', class: 'quiet', part: 'button add' }, messages.add);
  add.setAttribute('aria-label', `${messages.add}: ${plan.label}`);
  element.append(...present([legend, notes.hint, notes.error]), list, add);
  add.hidden = plan.readOnly;

  let stored = first;
  let rows: readonly Row[] = [];

  function arrange(next: readonly Row[]): void {
    rows = next;
    // Moving an element takes the focus from it, so that only those that stand elsewhere are moved.
    for (const [index, row] of rows.entries()) {
      if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] ?? null);
      row.place(index, rows.length);
    }
    while (list.children.length > rows.length) list.lastElementChild?.remove();
    list.hidden = rows.length === 0;
    add.disabled = rows.length >= plan.max;
  }

  function move(row: Row, by: 1 | -1): void {
    const from = rows.indexOf(row);
    const name = nameOf(row.field);
    const without = rows.toSpliced(from, 1);
    arrange(without.toSpliced(from + by, 0, row));
    row.focusButton(by < 0 ? 'up' : 'down');
    announce(fill(messages.moved, name, from + by + 1));
    changed();
  }

  function remove(row: Row): void {
    const at = rows.indexOf(row);
    const name = nameOf(row.field);
    arrange(rows.toSpliced(at, 1));
    const next = rows[Math.min(at, rows.length - 1)];
    if (next) next.focusButton('remove');
    else add.focus();
    announce(fill(messages.removed, name, at + 1));
    changed();
  }

  const createItem = (value: Json | undefined): Row =>
    createRow(plan, value, context, { remove, move, removable: () => rows.length > plan.min });
  const itemsOf = (value: Json | undefined): Row[] => (Array.isArray(value) ? value.map(createItem) : []);
  arrange(itemsOf(first));

  add.addEventListener('click', () => {
    const row = createItem(undefined);
    arrange([...rows, row]);
    row.field.focus();
    changed();
  });

  const field: Field = {
    element,
    read() {
      const values = rows.map((row) => row.field.read() ?? emptyOf(plan.item) ?? null);
      if (values.length === 0 && !Array.isArray(stored)) return stored;
      return isSameJson(values, stored) ? stored : values;
    },
    rebase(next) {
      const edited = !isSameJson(field.read(), stored) || field.faults().length > 0;
      stored = next;
      if (!edited && !isSameJson(field.read(), next)) arrange(itemsOf(next));
    },
    put(value) {
      if (!isSameJson(field.read(), value)) arrange(itemsOf(value));
    },
    faults: () =>
      rows.flatMap((row) => {
        if (row.field.read() !== undefined || emptyOf(plan.item) !== undefined) return row.field.faults();
        const found = row.field.faults();
        return found.length > 0 ? found : [{ field: row.field.find([]), message: messages.fillIn }];
      }),
    find([step, ...steps]) {
      return rows[Number(step)]?.field.find(steps) ?? field;
    },
    show: notes.show,
    focus: () => legend.focus(),
  };
  return field;
}

/** What an item is that was added and left as it is; undefined where nothing can be meant by that. */
function emptyOf(item: Plan): Json | undefined {
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

interface RowEvents {
  readonly remove: (row: Row) => void;
  readonly move: (row: Row, by: 1 | -1) => void;
  readonly removable: () => boolean;
}

function createRow(
  plan: ListPlan,
  value: Json | undefined,
  context: FieldContext,
  { remove, move, removable }: RowEvents,
): Row {
  const { messages } = context;
  const field = context.create(plan.item, value);
  const buttons = {
    up: createButton('↑', () => move(row, -1)),
    down: createButton('↓', () => move(row, 1)),
    remove: createButton('×', () => remove(row)),
  };
  const tools = make('div', { class: 'tools', part: 'tools' }, ...Object.values(buttons));
  tools.hidden = plan.readOnly;
  const row: Row = {
    field,
    element: make('li', { part: 'item' }, field.element, tools),
    place(index, count) {
      const name = fill(messages.item, plan.item.label, index + 1);
      rename(field, name);
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
  const button = make('button', { type: 'button', class: 'small', part: 'button' }, sign);
  button.addEventListener('click', act);
  return button;
}
