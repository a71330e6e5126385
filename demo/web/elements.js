// @ts-check
/** Finding and making elements of the page, with their types known. */

/**
 * The element of index.html with this id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no such element: ${id}`);
  return element;
}

/**
 * A new element. Strings become text, never markup.
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Readonly<Record<string, string>>} attributes
 * @param {ReadonlyArray<Node | string>} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/**
 * A new button.
 * @param {string} label
 * @param {string} className
 * @param {() => void} onPress
 */
export function makeButton(label, className, onPress) {
  const button = make('button', { type: 'button', class: className }, label);
  button.addEventListener('click', onPress);
  return button;
}
