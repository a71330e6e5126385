/** The texts of both elements in English. */
export { ENGLISH_MESSAGES as messages } from '../messages.ts';
export { ENGLISH_SETTINGS_MESSAGES as settingsMessages } from '../settings.ts';
