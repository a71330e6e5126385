/** What is wrong, in one place that takes the focus, with links that lead to each field. */
import { type Fault, make, nameOf } from './field.ts';
import type { Messages } from './messages.ts';

export interface ErrorSummary {
  readonly element: HTMLElement;
  /** Shows them and takes the focus; nothing where there are none. */
  show(faults: readonly Fault[]): void;
}

export function createErrorSummary(messages: Messages): ErrorSummary {
  const list = make('ul', {});
  const element = make(
    'div',
    { class: 'summary', part: 'summary', role: 'group', tabindex: '-1', 'aria-labelledby': 'problems' },
    make('p', { class: 'heading', id: 'problems' }, messages.problems),
    list,
  );
  element.hidden = true;

  return {
    element,
    show(faults) {
      list.replaceChildren(...faults.map(line));
      element.hidden = faults.length === 0;
      if (faults.length > 0) element.focus();
    },
  };
}

function line({ field, message }: Fault): HTMLLIElement {
  const name = nameOf(field);
  const link = make('a', { href: '#' }, name === '' ? message : `${name}: ${message}`);
  link.addEventListener('click', (event) => {
    event.preventDefault();
    field.focus();
  });
  return make('li', {}, link);
}
