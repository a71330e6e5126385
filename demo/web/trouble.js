// @ts-check
/** Explains errors to the user, with the next step. Edits are never lost. */
import { MetadataError } from '@metadata-bff/client';
import { isSessionEnded } from './session.js';

const KEPT = 'Your edits are kept.';
const FIRST_RETRY_SECONDS = 2;
const MAX_RETRY_SECONDS = 60;

/**
 * @param {{
 *   readonly notice: ReturnType<typeof import('./notice.js').createNotice>,
 *   readonly form: import('@metadata-bff/form').UserMetadataForm,
 *   readonly logIn: () => Promise<void>,
 *   readonly save: () => Promise<void>,
 *   readonly refresh: (options?: { readonly revalidate?: boolean }) => Promise<void>,
 * }} parts
 */
export function createTrouble({ notice, form, logIn, save, refresh }) {
  let attempts = 0;
  /** The subject of a notice that goes by itself, or that must not be repeated. @type {'connection' | 'login' | undefined} */
  let about;
  let isSavePlanned = false;
  const saveAgain = () => void save();
  const goToLogIn = () => void logIn();

  /** No response: retries when the network is back, and at intervals, because the service may be down, too. */
  function saveLater() {
    about = 'connection';
    if (Object.keys(form.patch).length === 0) {
      notice.show('There is no connection', 'What you see may be out of date.');
      return;
    }
    const seconds = Math.min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** attempts);
    attempts += 1;
    isSavePlanned = true;
    notice.show('There is no connection', `${KEPT} They are saved as soon as it is back.`, [
      { label: 'Try now', onPress: saveAgain },
    ]);
    if (navigator.onLine) notice.countDown(seconds, 'Trying again in', saveAgain);
  }

  function askForLogIn() {
    if (about === 'login') return;
    about = 'login';
    notice.show('Your log-in has ended', `${KEPT} Log in again to go on.`, [
      { label: 'Log in again', onPress: goToLogIn },
    ]);
  }

  /** @param {string} title @param {number} seconds */
  function saveAfter(title, seconds) {
    notice.show(title, `Nothing was saved. ${KEPT}`);
    form.busy = true;
    notice.countDown(seconds, 'You can save again in', () => {
      form.busy = false;
      notice.show('You can save again now', KEPT, [{ label: 'Save', onPress: saveAgain }]);
    });
  }

  /** The outcome of a write is unknown: reads the document to find out. @param {MetadataError} error */
  function lookAgain({ title }) {
    const explained = () =>
      Object.keys(form.patch).length > 0
        ? notice.show(title, `Your change was not stored. ${KEPT}`)
        : notice.show('Saved, after all', 'The answer was late, but your change was stored.');
    refresh({ revalidate: true }).then(explained, () => notice.show(title, KEPT));
  }

  /** Discards the notice and planned retries. */
  function over() {
    about = undefined;
    isSavePlanned = false;
    notice.clear();
  }

  /** @param {unknown} error */
  function explain(error) {
    if (isSessionEnded(error)) askForLogIn();
    else if (!(error instanceof MetadataError)) {
      notice.show('This did not work', error instanceof Error ? error.message : 'For an unknown reason.');
    } else if (error.code === 'token_invalid') askForLogIn();
    else if (error.code === 'network_failed') saveLater();
    else if (error.status === 504) lookAgain(error);
    else if (error.retryAfterSeconds !== undefined) saveAfter(error.title, error.retryAfterSeconds);
    else if (error.errors.length > 0) form.errors = error.errors;
    else {
      const reference = error.requestId ? ` (${error.code}, request ${error.requestId})` : '';
      notice.show(error.title, `${error.detail} ${KEPT}${reference}`);
    }
  }

  return {
    over,
    explain: (/** @type {unknown} */ error) => explain(error),
    /** The service has responded. */
    reached() {
      attempts = 0;
      if (about === 'connection' && !isSavePlanned) over();
    },
    offline: () => {
      about = 'connection';
      notice.show('You are offline', `${KEPT} You can go on editing.`);
    },
    online: () => {
      if (isSavePlanned) saveAgain();
      else refresh().catch(explain);
    },
  };
}
