/**
 * `<user-metadata-form>`: a form made from a JSON Schema. It reports the changes of the user and never uses the network.
 * Nothing happens at import, so that a server can load the module, too.
 */
import { createFormBody, type FormBody } from './form-body.ts';
import type { FieldError } from './field.ts';
import { isJsonObject, isSameJson, type Json, type JsonObject } from './json.ts';
import { describeError, mergeMessages, type MessageOverrides } from './messages.ts';
import { createStyles } from './style.ts';

export interface UserMetadataDetail {
  /** The merge patch (RFC 7396) of the user's changes. */
  readonly patch: JsonObject;
  /** The document with these changes. */
  readonly value: JsonObject;
}

/**
 * The properties of the element. Those that take JSON can also be set as attributes of a page that a server renders:
 * `schema`, `value` and `policy`.
 */
export interface UserMetadataForm extends HTMLElement {
  /** JSON Schema, draft 2020-12. Without one, the document is edited as JSON. */
  get schema(): Json | undefined;
  set schema(schema: object | boolean | undefined);
  /** What `/me/policy` answers: which places the user may change, and why not. */
  get policy(): JsonObject | undefined;
  set policy(policy: object | undefined);
  /** The edited document. Setting it is as `rebase()`: it is the stored document from now on, and edits stay. */
  get value(): JsonObject;
  set value(value: object);
  /** The `errors` of a problem document, each shown at its field until that is edited. */
  get errors(): readonly FieldError[];
  set errors(errors: readonly FieldError[]);
  disabled: boolean;
  /** While it is true, the form cannot be submitted. */
  busy: boolean;
  get messages(): MessageOverrides;
  set messages(messages: MessageOverrides);
  /** The surrounding `<form>`, whose buttons then take the place of the element's own. */
  readonly form: HTMLFormElement | null;
  /** The changes of the user so far. */
  readonly patch: JsonObject;
  /** Whether the user has changed anything, half-typed text included. */
  readonly dirty: boolean;
  /** Takes a new stored document: shows it in unedited places, and keeps all edits. */
  rebase(stored: object): void;
  /** Applies a merge patch to the fields, as if the user had typed it. */
  applyPatch(patch: object): void;
  /** Discards all edits. */
  reset(): void;
  /** Does what the button does: reports errors, or dispatches `user-metadata-submit`. Returns whether it did. */
  submit(): boolean;
  /** Whether all edits are valid. Stored values that were not edited do not count. */
  checkValidity(): boolean;
  /** The same, and shows the errors. */
  reportValidity(): boolean;
}

declare global {
  interface HTMLElementTagNameMap {
    'user-metadata-form': UserMetadataForm;
  }
  interface HTMLElementEventMap {
    'user-metadata-submit': CustomEvent<UserMetadataDetail>;
    'user-metadata-change': CustomEvent<UserMetadataDetail>;
  }
}

/** Defines the element, once. Elements that the page already has become forms. */
export function defineUserMetadataForm(name = 'user-metadata-form'): void {
  if (customElements.get(name)) return;
  customElements.define(name, createElementClass());
}

function createElementClass(): CustomElementConstructor {
  const styles = createStyles();

  // Custom elements have to be classes; the form body holds the behavior.
  return class extends HTMLElement implements UserMetadataForm {
    static readonly formAssociated = true;
    static readonly observedAttributes = ['schema', 'policy', 'value'];
    readonly #internals = this.attachInternals();
    readonly #root = this.attachShadow({ mode: 'open' });
    #schema: Json | undefined;
    #policy: JsonObject | undefined;
    #messages: MessageOverrides = {};
    #texts = mergeMessages({});
    #errors: readonly FieldError[] = [];
    #busy = false;
    #body: FormBody = this.#build({});

    connectedCallback(): void {
      // Frameworks may set properties before the element is defined.
      for (const [name, value] of Object.entries(this)) {
        Reflect.deleteProperty(this, name);
        Reflect.set(this, name, value);
      }
    }

    attributeChangedCallback(name: string, _: string | null, text: string | null): void {
      if (text !== null) Reflect.set(this, name, JSON.parse(text));
    }
    constructor() {
      super();
      // In place of the browser's sentence: the surrounding form could not be submitted.
      this.addEventListener('invalid', (event) => {
        event.preventDefault();
        this.reportValidity();
      });
    }

    formAssociatedCallback(form: HTMLFormElement | null): void {
      this.#body.element.classList.toggle('associated', form !== null);
    }
    /** Of the element itself, or of what is around it. */
    formDisabledCallback(): void {
      this.#body.setDisabled(this.matches(':disabled'));
    }
    formResetCallback(): void {
      this.reset();
    }

    get schema(): Json | undefined {
      return this.#schema;
    }
    set schema(schema: Json | undefined) {
      // A framework may set an equal one at each rendering, while the user is typing.
      if (isSameJson(schema, this.#schema)) return;
      this.#schema = schema;
      this.#rebuild();
    }

    get policy(): JsonObject | undefined {
      return this.#policy;
    }
    set policy(policy: JsonObject | undefined) {
      if (isSameJson(policy, this.#policy)) return;
      this.#policy = policy;
      this.#rebuild();
    }

    get messages(): MessageOverrides {
      return this.#messages;
    }
    set messages(messages: MessageOverrides) {
      if (JSON.stringify(messages) === JSON.stringify(this.#messages)) return;
      this.#messages = messages;
      this.#texts = mergeMessages(messages);
      this.#rebuild();
    }

    get value(): JsonObject {
      return this.#body.value();
    }
    set value(value: JsonObject) {
      this.rebase(value);
    }

    get patch(): JsonObject {
      return this.#body.patch();
    }
    get dirty(): boolean {
      return this.#body.isDirty();
    }

    get errors(): readonly FieldError[] {
      return this.#errors;
    }
    set errors(errors: readonly FieldError[]) {
      this.#errors = errors;
      this.#body.showErrors(errors);
    }

    get disabled(): boolean {
      return this.hasAttribute('disabled');
    }
    set disabled(disabled: boolean | undefined) {
      // Undefined, which frameworks set, would turn it over.
      this.toggleAttribute('disabled', Boolean(disabled));
    }

    get busy(): boolean {
      return this.#busy;
    }
    set busy(busy: boolean) {
      this.#busy = busy;
      this.#body.setBusy(busy);
    }

    get form(): HTMLFormElement | null {
      return this.#internals.form;
    }

    rebase(stored: JsonObject): void {
      this.#body.rebase(isJsonObject(stored) ? stored : {});
      this.#updateFormValue();
    }
    applyPatch(patch: JsonObject): void {
      this.#body.applyPatch(patch);
      this.#updateFormValue();
    }
    reset(): void {
      this.#errors = [];
      this.#body.reset();
    }
    submit(): boolean {
      if (this.#busy || this.matches(':disabled') || !this.reportValidity()) return false;
      if (!this.dirty) {
        this.#body.announce(this.#texts.nothingToSave);
        return false;
      }
      this.#emit('user-metadata-submit');
      return true;
    }
    checkValidity(): boolean {
      return this.#internals.validity.valid;
    }
    reportValidity(): boolean {
      this.#errors = [];
      return this.#body.report();
    }

    #emit(type: 'user-metadata-submit' | 'user-metadata-change'): void {
      const detail: UserMetadataDetail = { patch: this.patch, value: this.value };
      this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
    }

    #build(stored: JsonObject): FormBody {
      const places = this.#policy?.['user_metadata'];
      const body = createFormBody({
        schema: this.#schema,
        policy: isJsonObject(places) ? places : undefined,
        stored,
        messages: this.#texts,
        onChange: () => {
          this.#updateFormValue();
          this.#emit('user-metadata-change');
        },
        onSubmit: () => {
          const { form } = this;
          // In another form, Enter submits that one.
          if (form) form.requestSubmit();
          else this.submit();
        },
      });
      this.#root.adoptedStyleSheets = [styles];
      this.#root.replaceChildren(body.element);
      return body;
    }

    #rebuild(): void {
      const { patch } = this;
      this.#body = this.#build(this.#body.stored());
      this.#body.applyPatch(patch);
      this.#body.setBusy(this.#busy);
      this.formAssociatedCallback(this.form);
      this.formDisabledCallback();
      this.#updateFormValue();
    }

    /** What the surrounding form sends, and whether it may. */
    #updateFormValue(): void {
      this.#internals.setFormValue(JSON.stringify(this.patch));
      const [error] = this.#body.getErrors();
      if (error)
        this.#internals.setValidity(
          { customError: true },
          describeError(this.#texts, error),
          this.#body.element,
        );
      else this.#internals.setValidity({});
    }
  };
}
