// @ts-check
/** What happens between the page and the service: the pending change, the last request and response, the claims. */
import { byId } from './page.js';

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {string} id @param {unknown} value */
function show(id, value) {
  byId(id, HTMLElement).textContent = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

/** The claims of a JWT. Only the service may trust them; this shows them. @param {string} token */
function decodeClaims(token) {
  const payload = token.split('.')[1] ?? '';
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
    c.charCodeAt(0),
  );
  return parse(new TextDecoder().decode(bytes));
}

/** @param {object} patch */
export function showPending(patch) {
  show('pending', patch);
}

/** `fetch` that shows what passes. @type {typeof fetch} */
export async function observedFetch(input, init) {
  const request = new Request(input instanceof Request ? input.clone() : input, init);
  const { method, url, headers } = request;
  const [scheme = '', token] = (headers.get('authorization') ?? '').split(' ');
  if (token) show('claims', decodeClaims(token));
  // The stream of events would hide the rest.
  const isShown = !url.endsWith('/me/events');
  if (isShown) {
    const names = ['authorization', 'dpop', 'accept-language', 'content-type', 'if-match', 'if-none-match'];
    const lines = names.flatMap((name) => {
      const value = name === 'authorization' && token ? `${scheme} ey…` : headers.get(name);
      return value ? [`${name}: ${value}`] : [];
    });
    const body = parse(await request.text());
    show(
      'request',
      [`${method} ${url}`, ...lines, '', body ? JSON.stringify(body, null, 2) : ''].join('\n').trim(),
    );
  }
  const response = await fetch(input, init);
  if (isShown) {
    const body = parse(await response.clone().text());
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
    const shown = body ? JSON.stringify(body, null, 2) : '';
    show('response', [`${response.status} ${response.statusText}`, ...lines, '', shown].join('\n').trim());
  }
  return response;
}
