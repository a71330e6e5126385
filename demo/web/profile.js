// @ts-check
/** What the service knows of the caller beside the metadata: `/me`, as a list of facts. */
import { byId, make } from './elements.js';

/** @typedef {import('./session.js').Session} Session */

/** @param {Session['access']} access @param {string} baseUrl */
export async function showProfile(access, baseUrl) {
  const list = byId('profile', HTMLDListElement);
  const response = await send(access, `${baseUrl}/me`);
  if (!response.ok) return;
  const { sub, updated_at: updatedAt, app_metadata: appMetadata = {} } = await response.json();
  const facts = [
    ['User', sub],
    ['Changed', new Date(updatedAt).toLocaleString()],
    ...Object.entries(appMetadata).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  ];
  list.replaceChildren(...facts.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));
}

/** @param {Session['access']} access @param {string} url @returns {Promise<Response>} */
async function send(access, url) {
  if ('fetch' in access) return access.fetch(url, {});
  return fetch(url, {
    headers: { Authorization: `Bearer ${await access.getAccessToken({ forceRefresh: false })}` },
  });
}
