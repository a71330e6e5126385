// @ts-check
/** The entry: session, profile and workspace. */
import { defineUserMetadataForm } from '@metadata-bff/form';
import { forgetDrafts } from './drafts.js';
import { byId } from './elements.js';
import { showProfile } from './profile.js';
import { createSession } from './session.js';
import { openWorkspace } from './workspace.js';

const status = byId('status', HTMLParagraphElement);
const tryAgain = byId('try-again', HTMLButtonElement);

async function start() {
  defineUserMetadataForm();
  const response = await fetch('/config.json');
  /** @type {import('./session.js').PageConfig} */
  const config = await response.json();
  const session = await createSession(config);
  byId('log-in', HTMLButtonElement).addEventListener('click', () => run(() => session.logIn()));
  byId('log-out', HTMLButtonElement).addEventListener('click', () => {
    forgetDrafts();
    run(() => session.logOut());
  });
  byId('local-hint', HTMLParagraphElement).hidden = !config.domain.startsWith('http://');

  const welcome = byId('welcome', HTMLElement);
  const person = await session.resume().catch((error) => {
    welcome.hidden = false;
    throw error;
  });
  welcome.hidden = person !== undefined;
  status.textContent = person ? 'Loading …' : 'You are logged out.';
  if (!person) return;
  const who = byId('who', HTMLParagraphElement);
  who.textContent = person.email ? `${person.name} (${person.email})` : person.name;
  who.hidden = false;
  byId('log-out', HTMLButtonElement).hidden = false;

  const baseUrl = config.apiBaseUrl;
  const profile = () => showProfile(session.access, baseUrl);
  await Promise.all([
    openWorkspace({ session, person, baseUrl, onStored: () => void profile().catch(() => {}) }),
    profile(),
  ]);
  byId('workspace', HTMLDivElement).hidden = false;
  status.textContent = '';
}

/** @param {() => Promise<void>} operation */
function run(operation) {
  operation().catch((error) => {
    status.textContent = `This did not work: ${error?.message ?? 'unknown error'}`;
    tryAgain.hidden = false;
  });
}

// Unsaved edits are in the tab's storage.
tryAgain.addEventListener('click', () => location.reload());
run(start);
