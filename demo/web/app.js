// @ts-check
/** An app on top of `<user-metadata-settings>` and the client: login and logout, the language, and a developer panel. */
import { createMetadataClient } from '@metadata-bff/client';
import { defineUserMetadataSettings } from '@metadata-bff/form/settings';
import { observedFetch, showPending } from './developer-panel.js';
import { byId, getLanguage, setLanguage } from './page.js';
import { createSession } from './session.js';

const languageSelect = byId('language', HTMLSelectElement);

/** @param {import('./session.js').Session} session @param {string} baseUrl */
function createClient({ access }, baseUrl) {
  /** The schema has labels in the language of the page. @param {string} url @param {RequestInit} [init] */
  function fetchInLanguage(url, init) {
    const headers = new Headers(init?.headers);
    headers.set('Accept-Language', document.documentElement.lang);
    return access.fetch(url, { ...init, headers });
  }
  const client = createMetadataClient({
    baseUrl,
    ...access,
    fetch: fetchInLanguage,
    refreshStaleClaims: true,
    // The element waits and tries again where the user can see it.
    retry: { maxAttempts: 1 },
  });
  return {
    ...client,
    async policy() {
      const token = await access.getAccessToken?.({ forceRefresh: false });
      const headers = new Headers(token ? { Authorization: `Bearer ${token}` } : {});
      const response = await access.fetch(`${baseUrl}/me/policy`, { headers });
      // Without it, the form takes the schema's word for what can be changed.
      return response.ok ? response.json() : undefined;
    },
  };
}

/** @param {import('./session.js').Session} session @param {string} baseUrl @param {{ sub?: string, name?: string, email?: string }} user */
async function openSettings(session, baseUrl, user) {
  const settings = document.createElement('user-metadata-settings');
  settings.user = user.sub ?? '';
  byId('who', HTMLElement).textContent = [user.name, user.email].filter(Boolean).join(' · ');
  settings.addEventListener('user-metadata-change', ({ detail }) => showPending(detail.patch));
  settings.addEventListener('user-metadata-saved', () => showPending({}));
  settings.addEventListener(
    'user-metadata-login',
    ({ detail: { error } }) => void session.logIn(Object(error)),
  );

  async function applyLanguage() {
    const { messages, settingsMessages } = await import(
      `@metadata-bff/form/locales/${languageSelect.value}.js`
    );
    settings.messages = settingsMessages;
    settings.formMessages = messages;
    // Loads the schema again. Edits are kept.
    settings.client = createClient(session, baseUrl);
  }
  await applyLanguage();
  languageSelect.addEventListener('change', () => void applyLanguage());
  document.querySelector('user-metadata-settings')?.replaceWith(settings);
  byId('workspace', HTMLElement).hidden = false;
}

async function start() {
  setLanguage(getLanguage());
  languageSelect.value = document.documentElement.lang;
  languageSelect.addEventListener('change', () => setLanguage(languageSelect.value));
  defineUserMetadataSettings();

  /** @type {import('./session.js').PageConfig} */
  const config = await (await fetch('/config.json')).json();
  const session = createSession(config, observedFetch);
  byId('local-hint', HTMLElement).hidden = !config.domain.startsWith('http://');
  byId('log-in', HTMLElement).addEventListener('click', () => void session.logIn());
  byId('log-out', HTMLElement).addEventListener('click', () => {
    // Unsaved edits of one user are not for the next one.
    sessionStorage.clear();
    void session.logOut();
  });
  const user = await session.resume();
  byId('welcome', HTMLElement).hidden = user !== undefined;
  byId('log-out', HTMLElement).hidden = user === undefined;
  if (user) await openSettings(session, config.apiBaseUrl, user);
}

start().catch(() => {
  byId('problem', HTMLElement).hidden = false;
  byId('welcome', HTMLElement).hidden = false;
});
