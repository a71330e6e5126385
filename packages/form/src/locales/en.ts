/** The texts of the form in English, to start others from. */
export { ENGLISH_MESSAGES as messages } from '../messages.ts';
