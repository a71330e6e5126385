/** The texts of both elements in other languages: as many as in English, with the same parameters. */
import { expect, test } from '@jest/globals';
import { ENGLISH_MESSAGES } from '../../packages/form/src/messages.ts';
import { ENGLISH_SETTINGS_MESSAGES } from '../../packages/form/src/settings.ts';

/** The parameters of each text, by its path. */
function parametersOf(messages: object): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(messages).flatMap(([name, text]: [string, unknown]) =>
      typeof text === 'object' && text !== null
        ? Object.entries(parametersOf(text)).map(([inner, names]) => [`${name}.${inner}`, names])
        : [[name, (String(text).match(/\{\w+\}/g) ?? []).toSorted()]],
    ),
  );
}

test.each(['en', 'de', 'fr', 'es', 'el', 'ar', 'ja'])('the texts in %s are complete', async (lang) => {
  const { messages, settingsMessages } = await import(`../../packages/form/src/locales/${lang}.ts`);
  expect(messages.lang).toBe(lang);
  expect(parametersOf(messages)).toEqual(parametersOf(ENGLISH_MESSAGES));
  expect(settingsMessages.lang).toBe(lang);
  expect(parametersOf(settingsMessages)).toEqual(parametersOf(ENGLISH_SETTINGS_MESSAGES));
});
