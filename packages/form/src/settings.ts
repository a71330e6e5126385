/**
 * `<user-metadata-settings>`: the form with everything around it. It loads, saves and follows the document through a
 * client of `@metadata-bff/client`, and keeps the user's edits through outages, conflicts and logins.
 */
import { createButton, createElement } from './field.ts';
import { asText, getMember, isJsonObject, isSameJson, type Json, type JsonObject } from './json.ts';
import { formatMessage, formatValue, type MessageOverrides } from './messages.ts';
import { getFieldLabels } from './schema-to-fields.ts';
import { SETTINGS_CSS } from './settings-style.ts';
import { defineUserMetadataForm, type UserMetadataForm } from './user-metadata-form.ts';

/** What the element needs of a client. `createMetadataClient()` makes one. */
export interface SettingsClient {
  read(options?: { readonly revalidate?: boolean }): Promise<StoredDocument>;
  patch(changes: JsonObject, options?: { readonly ifMatch?: string | false }): Promise<StoredDocument>;
  schema(): Promise<object>;
  watch(listener: () => void, options?: { readonly onError?: (error: unknown) => void }): () => void;
  /** What `/me/policy` answers, if the client can ask. */
  policy?(): Promise<object>;
}

interface StoredDocument {
  readonly value: JsonObject;
  readonly etag: string;
}

export const ENGLISH_SETTINGS_MESSAGES = {
  lang: 'en',
  loading: 'Loading your settings …',
  unsaved: 'You have unsaved changes.',
  save: 'Save',
  discard: 'Discard',
  saving: 'Saving …',
  saved: 'Your changes are saved.',
  updated: 'Updated: a change was made somewhere else.',
  restored: 'Your unsaved changes are back.',
  offline: 'There is no connection. What you see may be out of date.',
  offlineKept: 'There is no connection. Your changes are kept, and saved when it is back.',
  unreachable: 'Your settings could not be loaded.',
  tryAgain: 'Try again',
  sessionEnded: 'Your session has expired.',
  sessionEndedKept: 'Your session has expired. Your changes are kept.',
  stepUp: 'To save this change, please log in again. Your changes are kept, and saved after that.',
  logIn: 'Log in again',
  stepUpTitle: 'Please confirm that it is you',
  /** With `{seconds}`. */
  busy: 'The service is busy. You can save again in {seconds} seconds.',
  canSave: 'You can save again now.',
  notSaved: 'Your changes could not be saved. They are kept here.',
  changedElsewhere: 'A field that you edited was changed somewhere else. You can choose when you save.',
  conflictTitle: 'Which version do you want to keep?',
  conflictText: 'These fields were changed somewhere else while you edited them.',
  mine: 'Yours',
  theirs: 'The other one',
  notSet: 'Not set',
  keep: 'Save this choice',
  cancel: 'Back to the form',
};
export type SettingsMessages = typeof ENGLISH_SETTINGS_MESSAGES;

export interface UserMetadataSettings extends HTMLElement {
  /** Setting it loads the document. */
  client: SettingsClient | undefined;
  /** The user's id. With it, unsaved changes outlive a reload and a login in the same tab. */
  user: string;
  /** Texts beside those of the form, and those of the form. */
  messages: Partial<SettingsMessages>;
  formMessages: MessageOverrides;
  /** The form inside. */
  readonly form: UserMetadataForm;
}

/** Why the user has to log in. After `step_up`, the change is sent by itself once the element is loaded again. */
export interface LoginDetail {
  readonly reason: 'expired' | 'step_up';
  readonly error: unknown;
}

declare global {
  interface HTMLElementTagNameMap {
    'user-metadata-settings': UserMetadataSettings;
  }
  interface HTMLElementEventMap {
    'user-metadata-login': CustomEvent<LoginDetail>;
    'user-metadata-saved': CustomEvent<StoredDocument>;
  }
}

interface Conflict {
  readonly path: readonly string[];
  readonly mine: Json | undefined;
  readonly theirs: Json | undefined;
}

/** The places that `patch` changes and that differ between `base` and `current`. */
function findConflicts(
  patch: Json | undefined,
  base: Json | undefined,
  current: Json | undefined,
  path: readonly string[] = [],
): readonly Conflict[] {
  if (isJsonObject(patch) && isJsonObject(base) && isJsonObject(current)) {
    return Object.entries(patch).flatMap(([key, change]) =>
      findConflicts(change, getMember(base, key), getMember(current, key), [...path, key]),
    );
  }
  const mine = patch ?? undefined;
  if (isSameJson(base, current) || isSameJson(mine, current)) return [];
  return [{ path, mine, theirs: current }];
}

const ENDED_SESSIONS = new Set([
  'token_missing',
  'token_invalid',
  'login_required',
  'consent_required',
  'interaction_required',
  'missing_refresh_token',
  'invalid_grant',
]);
const FIRST_RETRY_SECONDS = 2;
const MAX_RETRY_SECONDS = 60;
/** How long a message stays that needs no answer. */
const TOAST_MS = 8000;

/** Defines the element, once, and the form inside. */
export function defineUserMetadataSettings(name = 'user-metadata-settings'): void {
  defineUserMetadataForm();
  if (customElements.get(name)) return;
  const styles = new CSSStyleSheet();
  styles.replaceSync(SETTINGS_CSS);

  customElements.define(
    name,
    // Custom elements have to be classes; the panel holds the behavior.
    class extends HTMLElement implements UserMetadataSettings {
      readonly #panel = createPanel(this);
      #client: SettingsClient | undefined;

      constructor() {
        super();
        const root = this.attachShadow({ mode: 'open' });
        root.adoptedStyleSheets = [styles];
        root.append(this.#panel.element);
      }
      connectedCallback(): void {
        for (const [key, value] of Object.entries(this)) {
          Reflect.deleteProperty(this, key);
          Reflect.set(this, key, value);
        }
        if (this.#client) this.#panel.start(this.#client);
      }
      disconnectedCallback(): void {
        this.#panel.stop();
      }
      get client(): SettingsClient | undefined {
        return this.#client;
      }
      set client(client: SettingsClient | undefined) {
        if (client === this.#client) return;
        this.#client = client;
        this.#panel.stop();
        if (client && this.isConnected) this.#panel.start(client);
      }
      get user(): string {
        return this.getAttribute('user') ?? '';
      }
      set user(user: string) {
        this.setAttribute('user', user);
      }
      get messages(): Partial<SettingsMessages> {
        return this.#panel.getMessages();
      }
      set messages(messages: Partial<SettingsMessages>) {
        this.#panel.setMessages(messages);
      }
      get formMessages(): MessageOverrides {
        return this.form.messages;
      }
      set formMessages(messages: MessageOverrides) {
        this.form.messages = messages;
      }
      get form(): UserMetadataForm {
        return this.#panel.form;
      }
    },
  );
}

/** The code of an error of the client, or of the Auth0 SDK. */
const getCode = (error: unknown): unknown =>
  Reflect.get(Object(error), 'code') ?? Reflect.get(Object(error), 'error');
const needsLogin = (error: unknown): boolean => ENDED_SESSIONS.has(String(getCode(error)));

function createPanel(host: HTMLElement & { readonly user: string }) {
  let texts: SettingsMessages = ENGLISH_SETTINGS_MESSAGES;
  let client: SettingsClient | undefined;
  let schema: Json | undefined;
  let stored: StoredDocument = { value: {}, etag: '' };
  let shownUser: string | undefined;
  let isSaving = false;
  let isLeaving = false;
  let isConnected = true;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let toastTimer: ReturnType<typeof setTimeout> | undefined;
  let stopWatching: (() => void) | undefined;

  const form = document.createElement('user-metadata-form');
  form.setAttribute('hide-actions', '');
  form.setAttribute('exportparts', 'form, field, label, hint, error, input, summary, section, button');
  const notice = createElement('div', 'notice', { role: 'status' });
  const skeleton = createElement('div', 'skeleton', { 'aria-hidden': 'true' });
  for (let line = 0; line < 5; line += 1)
    skeleton.append(createElement('span', 'line'), createElement('span', 'box'));
  const saveButton = createButton('', 'save', () => void save());
  const discardButton = createButton('', 'quiet', () => form.reset());
  const barText = createElement('span', 'bar-text');
  const bar = createElement('div', 'bar', { role: 'group' }, barText, discardButton, saveButton);
  const dialog = createElement('dialog', 'conflict', { 'aria-labelledby': 'dialog-title' });
  // In view wherever the user is in a long form.
  const foot = createElement('div', 'foot', {}, notice, bar);
  const element = createElement('div', 'panel', {}, skeleton, form, foot, dialog);

  /** Shows one message at a time. One that needs no answer goes by itself. */
  function say(
    tone: 'info' | 'success' | 'warning' | 'error',
    text: string,
    button?: HTMLButtonElement,
  ): void {
    clearTimeout(toastTimer);
    if (tone === 'success' || (tone === 'info' && skeleton.hidden))
      toastTimer = setTimeout(() => (notice.hidden = true), TOAST_MS);
    notice.replaceChildren(createElement('p', '', {}, text), ...(button ? [button] : []));
    notice.dataset['tone'] = tone;
    notice.hidden = text === '';
  }

  function update(): void {
    saveButton.textContent = texts.save;
    discardButton.textContent = texts.discard;
    barText.textContent = isSaving ? texts.saving : texts.unsaved;
    saveButton.setAttribute('aria-disabled', String(form.busy));
    bar.hidden = !form.dirty || form.hidden;
    storeDraft(false);
  }

  const draftKey = () => `user-metadata-draft:${host.user}`;
  function storeDraft(send: boolean): void {
    if (host.user === '' || form.hidden) return;
    if (Object.keys(form.patch).length === 0) sessionStorage.removeItem(draftKey());
    else sessionStorage.setItem(draftKey(), JSON.stringify({ patch: form.patch, stored, send }));
  }
  function takeDraft(): JsonObject | undefined {
    const draft: unknown = host.user === '' ? null : JSON.parse(sessionStorage.getItem(draftKey()) ?? 'null');
    return isJsonObject(draft) ? draft : undefined;
  }

  function setStored(next: StoredDocument): void {
    stored = next;
    form.value = next.value;
    update();
  }

  async function start(next: SettingsClient): Promise<void> {
    client = next;
    let hasConflict = false;
    form.hidden = true;
    skeleton.hidden = false;
    say('info', texts.loading);
    try {
      // The order of the answers does not matter to the form.
      const [read, found, policy] = await Promise.all([next.read(), next.schema(), next.policy?.()]);
      if (client !== next) return;
      schema = isJsonObject(found) ? found : {};
      form.schema = found;
      form.policy = policy;
      if (shownUser !== host.user) form.reset();
      shownUser = host.user;
      hasConflict = findConflicts(form.patch, stored.value, read.value).length > 0;
      if (!hasConflict) {
        stored = read;
        form.value = read.value;
      }
    } catch (error) {
      if (client !== next) return;
      skeleton.hidden = true;
      if (needsLogin(error)) explain(error);
      else
        say(
          'error',
          texts.unreachable,
          createButton(texts.tryAgain, 'quiet', () => void start(next)),
        );
      return;
    }
    skeleton.hidden = true;
    say('warning', hasConflict ? texts.changedElsewhere : '');
    // With another client for the same user, the edits are still in the form.
    const draft = form.dirty ? undefined : takeDraft();
    form.hidden = false;
    if (draft && isJsonObject(draft['patch'])) restore(draft['patch'], draft);
    update();
    stopWatching = next.watch(() => void refresh(), {
      onError: (error) => {
        if (needsLogin(error)) explain(error);
      },
    });
    addEventListener('online', handleOnline);
    addEventListener('offline', handleOffline);
    addEventListener('beforeunload', handleLeave);
  }

  function restore(patch: JsonObject, draft: JsonObject): void {
    form.applyPatch(patch);
    const before = draft['stored'];
    const base = isJsonObject(before) ? before['value'] : undefined;
    if (findConflicts(patch, base, stored.value).length > 0 && isJsonObject(before) && isJsonObject(base)) {
      stored = { value: base, etag: asText(before['etag']) };
      say('warning', texts.changedElsewhere);
    } else if (draft['send'] === true) void save();
    else say('info', texts.restored);
  }

  function stop(): void {
    client = undefined;
    stopWatching?.();
    stopWatching = undefined;
    clearTimeout(timer);
    clearTimeout(toastTimer);
    removeEventListener('online', handleOnline);
    removeEventListener('offline', handleOffline);
    removeEventListener('beforeunload', handleLeave);
  }

  const handleOnline = () => void (form.dirty && failures > 0 ? save() : refresh());
  function handleOffline(): void {
    isConnected = false;
    say('warning', form.dirty ? texts.offlineKept : texts.offline);
  }
  function handleLeave(event: BeforeUnloadEvent): void {
    if (form.dirty && !isLeaving) event.preventDefault();
  }

  async function refresh(revalidate = false): Promise<void> {
    if (!client || isSaving) return;
    try {
      const next = await client.read({ revalidate });
      if (isSaving) return;
      if (!isConnected) {
        isConnected = true;
        say('info', '');
        // A change waits for the connection.
        if (failures > 0 && form.dirty) {
          void save();
          return;
        }
      }
      if (isSameJson(next.value, stored.value)) return;
      if (findConflicts(form.patch, stored.value, next.value).length > 0) {
        say('warning', texts.changedElsewhere);
        return;
      }
      setStored(next);
      say('info', texts.updated);
    } catch (error) {
      explain(error);
    }
  }

  async function save(ifMatch = stored.etag): Promise<void> {
    if (!client || isSaving || form.busy || !form.reportValidity() || !form.dirty) return;
    clearTimeout(timer);
    isSaving = form.busy = true;
    update();
    try {
      const next = await client.patch(form.patch, { ifMatch: ifMatch || false });
      isSaving = form.busy = false;
      isConnected = true;
      failures = 0;
      setStored(next);
      say('success', texts.saved);
      host.dispatchEvent(
        new CustomEvent('user-metadata-saved', { detail: next, bubbles: true, composed: true }),
      );
    } catch (error) {
      isSaving = form.busy = false;
      update();
      explain(error);
    }
  }

  function askForLogin(reason: LoginDetail['reason'], error: unknown): void {
    const logIn = createButton(texts.logIn, 'save', () => {
      // Not before: who goes back to the form saves again.
      storeDraft(reason === 'step_up');
      isLeaving = true;
      const detail: LoginDetail = { reason, error };
      host.dispatchEvent(new CustomEvent('user-metadata-login', { detail, bubbles: true, composed: true }));
    });
    if (reason === 'step_up') ask(texts.stepUpTitle, texts.stepUp, [], logIn);
    else say('warning', form.dirty ? texts.sessionEndedKept : texts.sessionEnded, logIn);
  }

  function explain(error: unknown): void {
    const code = getCode(error);
    const { errors, current, etag, retryAfterSeconds, status } = Object(error);
    if (code === 'precondition_failed' && isJsonObject(current)) chooseVersion({ value: current, etag });
    else if (code === 'step_up_required') askForLogin('step_up', error);
    else if (needsLogin(error)) askForLogin('expired', error);
    else if (code === 'network_failed') tryLater();
    else if (status === 504) void lookAgain();
    else if (typeof retryAfterSeconds === 'number') wait(Math.ceil(retryAfterSeconds));
    else if (Array.isArray(errors) && errors.length > 0) {
      say('info', '');
      form.errors = errors;
    } else say('error', texts.notSaved);
  }

  /** Whether the change was stored is not known: the document says it. */
  async function lookAgain(): Promise<void> {
    await refresh(true);
    if (form.dirty) say('error', texts.notSaved);
    else say('success', texts.saved);
  }

  /** Tries again when the connection is back, and at intervals, because the service may be down. */
  function tryLater(): void {
    isConnected = false;
    const again = () => void (form.dirty ? save() : refresh());
    say(
      'warning',
      form.dirty ? texts.offlineKept : texts.offline,
      createButton(texts.tryAgain, 'quiet', again),
    );
    const seconds = Math.min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** failures);
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(again, seconds * 1000);
  }

  function wait(seconds: number): void {
    form.busy = seconds > 0;
    update();
    say(
      seconds > 0 ? 'warning' : 'info',
      seconds > 0 ? formatMessage(texts.busy, { seconds }, texts.lang) : texts.canSave,
    );
    clearTimeout(timer);
    if (seconds > 0) timer = setTimeout(() => wait(seconds - 1), 1000);
  }

  /** Shows both versions of each place. Nothing is stored or lost before a choice. */
  function chooseVersion(next: StoredDocument): void {
    const conflicts = findConflicts(form.patch, stored.value, next.value);
    if (conflicts.length === 0) {
      setStored(next);
      void save();
      return;
    }
    const rows = conflicts.map(({ path, mine, theirs }, index) => {
      const option = (whose: string, label: string, value: Json | undefined) => {
        const input = createElement('input', '', { type: 'radio', name: `conflict-${index}` });
        input.value = whose;
        input.checked = whose === 'mine';
        const shown = value === undefined ? texts.notSet : formatValue(value, texts.lang);
        return createElement('label', 'choice', {}, input, `${label}: ${shown}`);
      };
      const title = getFieldLabels(schema, path).join(' → ');
      return createElement(
        'fieldset',
        '',
        {},
        createElement('legend', '', {}, title),
        option('mine', texts.mine, mine),
        option('theirs', texts.theirs, theirs),
      );
    });
    const keep = createButton(texts.keep, 'save', () => {
      dialog.close();
      for (const [index, { path, theirs = null }] of conflicts.entries()) {
        if (rows[index]?.querySelector<HTMLInputElement>('[value=theirs]')?.checked !== true) continue;
        form.applyPatch(
          path.reduceRight<JsonObject>(
            (inner, key, depth) => ({ [key]: depth === path.length - 1 ? theirs : inner }),
            {},
          ),
        );
      }
      setStored(next);
      if (form.dirty) void save();
      else say('info', texts.updated);
    });
    ask(texts.conflictTitle, texts.conflictText, rows, keep);
  }

  /** Opens the dialog. The user can always go back to the form. */
  function ask(title: string, text: string, rows: readonly HTMLElement[], button: HTMLButtonElement): void {
    const cancel = createButton(texts.cancel, 'quiet', () => dialog.close());
    dialog.replaceChildren(
      createElement('h2', '', { id: 'dialog-title' }, title),
      createElement('p', '', {}, text),
      ...rows,
      createElement('div', 'actions', {}, cancel, button),
    );
    say('info', '');
    dialog.showModal();
  }

  form.addEventListener('user-metadata-change', () => {
    if (notice.dataset['tone'] === 'success' || notice.dataset['tone'] === 'info') say('info', '');
    update();
  });
  form.addEventListener('user-metadata-submit', () => void save());
  form.hidden = true;
  update();

  return {
    element,
    form,
    start(next: SettingsClient) {
      // An upgraded element gets its client before it is told that it is connected.
      if (next !== client) void start(next);
    },
    stop,
    getMessages: () => texts,
    setMessages(messages: Partial<SettingsMessages>) {
      texts = { ...ENGLISH_SETTINGS_MESSAGES, ...messages };
      update();
    },
  };
}
