/** The plan of a form: which kind of field each place of the document gets, and what is known of it beforehand. */
import type { Json } from './json.ts';

export interface Common {
  readonly label: string;
  readonly description: string | undefined;
  readonly readOnly: boolean;
  /** Whether the object around it must hold it. */
  readonly required: boolean;
  readonly fallback: Json | undefined;
}

export interface TextPlan extends Common {
  readonly kind: 'text';
  readonly input: 'text' | 'textarea' | 'email' | 'url' | 'date' | 'datetime-local' | 'time';
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: string | undefined;
  readonly example: string | undefined;
  /** What the browser may fill in, as HTML's `autocomplete` names it. */
  readonly autocomplete: string | undefined;
}
export interface NumberPlan extends Common {
  readonly kind: 'number';
  readonly isWhole: boolean;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The value must be more than this. */
  readonly above: number | undefined;
  /** The value must be less than this. */
  readonly below: number | undefined;
  readonly multipleOf: number | undefined;
  /** How far the input's arrows go, where that leads to multiples. */
  readonly step: number | undefined;
}
export interface CheckboxPlan extends Common {
  readonly kind: 'checkbox';
}
export interface ChoicePlan extends Common {
  readonly kind: 'choice';
  /** Without a label of its own, an option shows its value. */
  readonly options: ReadonlyArray<{ readonly value: Json; readonly label: string | undefined }>;
}
export interface GroupPlan extends Common {
  readonly kind: 'group';
  /** Whether it is the document itself, which needs no frame. */
  readonly isWhole: boolean;
  readonly members: ReadonlyMap<string, Plan>;
}
export interface ListPlan extends Common {
  readonly kind: 'list';
  readonly item: Plan;
  readonly min: number;
  readonly max: number;
}
export interface JsonPlan extends Common {
  readonly kind: 'json';
}
export type LeafPlan = TextPlan | NumberPlan | CheckboxPlan | ChoicePlan | JsonPlan;
export type Plan = LeafPlan | GroupPlan | ListPlan;
