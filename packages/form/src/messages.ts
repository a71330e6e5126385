/** The texts of the form, in English unless the app sets others. Labels and hints come from the schema. */

export interface Messages {
  readonly save: string;
  readonly undo: string;
  readonly add: string;
  readonly remove: string;
  readonly moveUp: string;
  readonly moveDown: string;
  readonly readOnly: string;
  readonly required: string;
  readonly notSet: string;
  readonly yes: string;
  readonly no: string;
  readonly otherData: string;
  readonly otherDataHint: string;
  readonly jsonHint: string;
  readonly notJson: string;
  readonly notAnObject: string;
  readonly fieldOfItsOwn: string;
  readonly fillIn: string;
  readonly missing: string;
  /** With `{limit}` and `{length}`, both in characters. */
  readonly tooShort: string;
  readonly tooLong: string;
  readonly patternMismatch: string;
  readonly notEmail: string;
  readonly notUrl: string;
  /** Of a date or a time. */
  readonly incomplete: string;
  readonly notNumber: string;
  readonly notWhole: string;
  readonly notExact: string;
  readonly duplicate: string;
  /** With `{limit}`, as the next four. */
  readonly tooSmall: string;
  readonly tooLarge: string;
  readonly notAbove: string;
  readonly notBelow: string;
  readonly notMultiple: string;
  readonly localTime: string;
  readonly nothingToSave: string;
  readonly problems: string;
  /** With `{label}` and `{position}`. */
  readonly item: string;
  readonly moved: string;
  readonly removed: string;
}

export const ENGLISH_MESSAGES: Messages = {
  save: 'Save',
  undo: 'Undo my changes',
  add: 'Add',
  remove: 'Remove',
  moveUp: 'Move up',
  moveDown: 'Move down',
  readOnly: 'read-only',
  required: 'required',
  notSet: 'Not set',
  yes: 'Yes',
  no: 'No',
  otherData: 'Other data',
  otherDataHint: 'What is stored without a field of its own.',
  jsonHint: 'As JSON.',
  notJson: 'This is not valid JSON yet.',
  notAnObject: 'This must be an object: { … }.',
  fieldOfItsOwn: 'has a field of its own above.',
  fillIn: 'Fill this in, or remove it.',
  missing: 'Fill this in.',
  tooShort: 'Too short: {length} of at least {limit} characters.',
  tooLong: 'Too long: {length} of at most {limit} characters.',
  patternMismatch: 'This is not in the expected format.',
  notEmail: 'This is not an email address.',
  notUrl: 'This is not a complete address, such as https://example.com.',
  incomplete: 'Complete this, or empty it.',
  notNumber: 'This is not a number.',
  notWhole: 'This must be a whole number.',
  notExact: 'A number here is too large or has too many digits to be stored exactly.',
  duplicate: 'A name appears twice in the same object.',
  tooSmall: 'This must be {limit} or more.',
  tooLarge: 'This must be {limit} or less.',
  notAbove: 'This must be more than {limit}.',
  notBelow: 'This must be less than {limit}.',
  notMultiple: 'This must be a multiple of {limit}.',
  localTime: 'In the time zone of this device.',
  nothingToSave: 'There is nothing to save: you have not changed anything.',
  problems: 'This could not be saved yet',
  item: '{label} {position}',
  moved: '{label} is now at position {position}.',
  removed: '{label} was removed.',
};

export function formatItemMessage(text: string, label: string, position: number): string {
  return formatMessage(text, { label, position });
}

/** Replaces each `{name}` in `text` by its value. */
export function formatMessage(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}
