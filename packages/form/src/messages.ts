/** The texts of the form, in English unless the app sets others. Labels and hints come from the schema. */
export interface Messages {
  /** The language of these texts (BCP 47): numbers, dates and lists are written as it does. */
  readonly lang: string;
  readonly save: string;
  readonly undo: string;
  readonly add: string;
  readonly remove: string;
  readonly clear: string;
  readonly moveUp: string;
  readonly moveDown: string;
  readonly required: string;
  readonly notSet: string;
  readonly yes: string;
  readonly no: string;
  /** The label of the name of an entry. */
  readonly key: string;
  readonly otherData: string;
  readonly jsonHint: string;
  readonly tagsHint: string;
  readonly localTime: string;
  /** The hint of a field whose change needs a recent login. */
  readonly stepUp: string;
  readonly nothingToSave: string;
  readonly problems: string;
  /** With `{label}` and `{position}`, as the next two. */
  readonly item: string;
  readonly moved: string;
  readonly removed: string;
  /** Why a field cannot be edited, by the `reason` of `/me/policy`. Also for errors of the service with such a code. */
  readonly locks: Readonly<Record<string, string>>;
  /**
   * By `code` of the error, with its parameters in braces. `format-email` and the like stand before `format`. An error
   * without a sentence here shows its `detail`.
   */
  readonly errors: Readonly<Record<string, string>>;
}

/** Texts that replace some of the others. */
export interface MessageOverrides extends Partial<Omit<Messages, 'locks' | 'errors'>> {
  readonly locks?: Messages['locks'];
  readonly errors?: Messages['errors'];
}

export const ENGLISH_MESSAGES: Messages = {
  lang: 'en',
  save: 'Save',
  undo: 'Discard changes',
  add: 'Add',
  remove: 'Remove',
  clear: 'Clear',
  moveUp: 'Move up',
  moveDown: 'Move down',
  required: 'required',
  notSet: 'Not set',
  yes: 'Yes',
  no: 'No',
  key: 'Name',
  otherData: 'Other data',
  jsonHint: 'Edited as JSON.',
  tagsHint: 'Press Enter to add.',
  localTime: 'In your time zone.',
  stepUp: 'A change may need a new login.',
  nothingToSave: 'There are no changes to save.',
  problems: 'Please check these fields',
  item: '{label} {position}',
  moved: '{label} is now at position {position}.',
  removed: '{label} was removed.',
  locks: {
    schema: 'It cannot be changed.',
    application: 'This app may not change it.',
    scope: 'This app lacks the permission to change it.',
    delegation: 'Only you can change it.',
    write_once: 'It can be set only once.',
    stamped: 'It is recorded automatically.',
    app_metadata: 'The service manages it.',
  },
  errors: {
    required: 'Fill this in.',
    minLength: 'Use at least {limit} characters, not {length}.',
    maxLength: 'Use at most {limit} characters, not {length}.',
    pattern: 'This is not the right format.',
    'format-email': 'Enter an address such as name@example.com.',
    'format-uri': 'Enter an address such as https://example.com.',
    enum: 'Choose one of the options.',
    minimum: 'Enter {limit} or more.',
    maximum: 'Enter {limit} or less.',
    exclusiveMinimum: 'Enter more than {limit}.',
    exclusiveMaximum: 'Enter less than {limit}.',
    multipleOf: 'Enter a multiple of {multipleOf}.',
    integer: 'Enter a whole number.',
    minItems: 'Have at least {limit} here.',
    maxItems: 'Have at most {limit} here.',
    uniqueItems: 'Entries {first} and {second} are the same.',
    duplicate: 'This name is there twice.',
    incomplete: 'Complete this, or clear it.',
    number: 'Enter a number.',
    inexact: 'A number here has too many digits.',
    json: 'This is not valid JSON.',
    invalid: 'This value is not allowed.',
  },
};

export const mergeMessages = (overrides: MessageOverrides): Messages => ({
  ...ENGLISH_MESSAGES,
  ...overrides,
  locks: { ...ENGLISH_MESSAGES.locks, ...overrides.locks },
  errors: { ...ENGLISH_MESSAGES.errors, ...overrides.errors },
});

/** Replaces each `{name}` in `text` by its value, with numbers and lists as `lang` writes them. */
export function formatMessage(text: string, values: Readonly<Record<string, unknown>>, lang: string): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? formatValue(values[name], lang) : whole,
  );
}

/** A value as a person reads it. */
export function formatValue(value: unknown, lang: string): string {
  if (typeof value === 'number')
    return new Intl.NumberFormat(lang, { maximumFractionDigits: 20 }).format(value);
  if (Array.isArray(value)) {
    return new Intl.ListFormat(lang).format(value.map((item: unknown) => formatValue(item, lang)));
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The sentence for an error of the form or of the service. */
export function describeError(
  messages: Messages,
  { code = '', params, detail }: { code?: string; params?: object; detail?: string },
): string {
  const { errors, lang } = messages;
  const values: Readonly<Record<string, unknown>> = { ...params };
  // Without a prototype: any name may come from a service.
  const texts: Readonly<Record<string, string>> = Object.assign(Object.create(null), messages.locks, errors);
  const text = texts[`${code}-${String(values['format'])}`] ?? texts[code] ?? '';
  const sentence = formatMessage(text, values, lang);
  // A parameter is missing where the service is older or newer than these texts.
  if (sentence === '' || /\{\w+\}/.test(sentence)) return detail ?? errors['invalid'] ?? '';
  return sentence;
}
