/** What the form says by itself, in English until the app gives it other words. Labels and hints are the schema's. */

export interface Words {
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
  readonly localTime: string;
  readonly nothingToSave: string;
  readonly problems: string;
  /** `{label}` and `{position}` are put in. */
  readonly item: string;
  readonly moved: string;
  readonly removed: string;
}

export const ENGLISH: Words = {
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
  localTime: 'In the time zone of this device.',
  nothingToSave: 'There is nothing to save: you have not changed anything.',
  problems: 'This could not be saved yet',
  item: '{label} {position}',
  moved: '{label} is now at position {position}.',
  removed: '{label} was removed.',
};

export function fill(text: string, label: string, position: number): string {
  return text.replace('{label}', label).replace('{position}', String(position));
}
