/**
 * `<user-metadata-form>`: a form made from a JSON Schema. It reports the changes of the user and never uses the network.
 * Nothing happens at import, so that a server can load the module, too.
 */
import { createFormBody, type FormBody } from './form-body.ts';
import type { FieldError } from './field.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { createStyles } from './style.ts';
import { ENGLISH_MESSAGES, type Messages } from './messages.ts';

export interface UserMetadataDetail {
  /** The merge patch (RFC 7396) of the user's changes. */
  readonly patch: JsonObject;
  /** The document with these changes. */
  readonly value: JsonObject;
}

export interface UserMetadataForm extends HTMLElement {
  /** JSON Schema, draft 2020-12. Without one, the document is edited as JSON. */
  schema: Json | undefined;
  /** The edited document. Setting it discards all edits and shows the new document. */
  value: JsonObject;
  errors: readonly FieldError[];
  disabled: boolean;
  /** While it is true, the form cannot be submitted. */
  busy: boolean;
  messages: Partial<Messages>;
  /** The changes of the user so far. */
  readonly patch: JsonObject;
  /** Takes a new stored document: shows it in unedited places, and keeps all edits. */
  rebase(stored: JsonObject): void;
  /** Applies a merge patch to the fields, as if the user had typed it. */
  applyPatch(patch: JsonObject): void;
  /** Discards all edits. */
  reset(): void;
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

/** Frameworks may set these before the element is defined. */
const PROPERTIES = ['messages', 'schema', 'value', 'errors', 'disabled', 'busy'] as const;

/** Defines the element, once. Elements that the page already has become forms. */
export function defineUserMetadataForm(name = 'user-metadata-form'): void {
  if (customElements.get(name)) return;
  customElements.define(name, createElementClass());
}

function createElementClass(): CustomElementConstructor {
  const styles = createStyles();

  // Custom elements have to be classes; the form body holds the behavior.
  return class extends HTMLElement implements UserMetadataForm {
    static readonly observedAttributes = ['disabled'];
    readonly #root = this.attachShadow({ mode: 'open' });
    #schema: Json | undefined;
    #messages: Partial<Messages> = {};
    #body: FormBody = this.#build({});

    connectedCallback(): void {
      for (const property of PROPERTIES) {
        const early = Object.getOwnPropertyDescriptor(this, property);
        if (!early) continue;
        Reflect.deleteProperty(this, property);
        Reflect.set(this, property, early.value);
      }
    }

    attributeChangedCallback(): void {
      this.#body.setDisabled(this.disabled);
    }

    get schema(): Json | undefined {
      return this.#schema;
    }
    set schema(schema: Json | undefined) {
      this.#schema = schema;
      this.#rebuild();
    }

    get messages(): Partial<Messages> {
      return this.#messages;
    }
    set messages(messages: Partial<Messages>) {
      this.#messages = messages;
      this.#rebuild();
    }

    get value(): JsonObject {
      return this.#body.value();
    }
    set value(value: JsonObject) {
      this.#replace(isJsonObject(value) ? value : {});
    }

    get patch(): JsonObject {
      return this.#body.patch();
    }

    get errors(): readonly FieldError[] {
      return this.#body.errors();
    }
    set errors(errors: readonly FieldError[]) {
      this.#body.showErrors(errors);
    }

    get disabled(): boolean {
      return this.hasAttribute('disabled');
    }
    set disabled(disabled: boolean) {
      this.toggleAttribute('disabled', disabled);
    }

    get busy(): boolean {
      return this.#body.isBusy();
    }
    set busy(busy: boolean) {
      this.#body.setBusy(busy);
    }

    rebase(stored: JsonObject): void {
      this.#body.rebase(stored);
    }
    applyPatch(patch: JsonObject): void {
      this.#body.applyPatch(patch);
    }
    reset(): void {
      this.#body.reset();
    }

    #build(stored: JsonObject): FormBody {
      const body = createFormBody(
        { schema: this.#schema, stored, messages: { ...ENGLISH_MESSAGES, ...this.#messages } },
        (type) => {
          const detail: UserMetadataDetail = { patch: body.patch(), value: body.value() };
          this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
        },
      );
      body.setDisabled(this.disabled);
      this.#root.adoptedStyleSheets = [styles];
      this.#root.replaceChildren(body.element);
      return body;
    }

    #rebuild(): void {
      const { patch } = this;
      this.#replace(this.#body.stored());
      this.#body.applyPatch(patch);
    }

    #replace(stored: JsonObject): void {
      const { busy } = this;
      this.#body = this.#build(stored);
      this.busy = busy;
    }
  };
}
