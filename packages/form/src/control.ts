/** A native control that holds one value as text, so that one kind of field serves all of them. */
import type { Json } from './json.ts';

/** The document's value and the one that the text began from; they differ once others have changed it. */
export interface Basis {
  readonly stored: Json | undefined;
  readonly origin: Json | undefined;
}

export interface Control {
  readonly element: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  /** What a person must know to fill it in. */
  readonly hint?: string | undefined;
  text(): string;
  write(text: string): void;
  /** The text by which `value` is shown. */
  format(value: Json | undefined): string;
  /** @throws TextError for a text that is no value. */
  parse(text: string, basis: Basis): Json | undefined;
  /** What is wrong with an edited value, for the person who typed it. */
  check?(value: Json | undefined): string | undefined;
}

/** What is wrong with a text, for the person who typed it. */
export class TextError extends Error {
  override readonly name = 'TextError';
}
