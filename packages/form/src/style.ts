/** The look of the form: colours by custom properties that an app can set, light or dark as the page is. */

const CSS = `
:host {
  --_accent: var(--user-metadata-accent, light-dark(#2b4acb, #9db0ff));
  --_on-accent: var(--user-metadata-on-accent, light-dark(#fff, #10142a));
  --_text: var(--user-metadata-text, CanvasText);
  --_soft: var(--user-metadata-soft, light-dark(#565a68, #a9adbb));
  --_line: var(--user-metadata-line, light-dark(#c6c9d4, #434756));
  --_border: var(--user-metadata-border, light-dark(#767b8c, #7d8295));
  --_field: var(--user-metadata-field, light-dark(#fff, #14151a));
  --_inset: var(--user-metadata-inset, light-dark(#f3f4f8, #181a20));
  --_danger: var(--user-metadata-danger, light-dark(#b3001b, #ff9aa5));
  --_danger-inset: var(--user-metadata-danger-inset, light-dark(#fdeef0, #331b20));
  --_gap: var(--user-metadata-gap, 1.25rem);
  --_radius: var(--user-metadata-radius, 0.5rem);
  display: block;
  color: var(--_text);
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
fieldset { min-width: 0; margin: 0; padding: 0; border: 0; }
p, ol, ul { margin: 0; }
.whole { display: grid; gap: var(--_gap); }
.all { display: grid; gap: var(--_gap); }
.group { padding: 0 0 0 1rem; border-inline-start: 3px solid var(--_line); }
.group > .slot, .group > ol, .group > .rest { margin-top: 1rem; }
legend { padding: 0; font-weight: 650; }
legend:focus { outline: none; }
legend:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }
label { display: block; margin-bottom: 0.25rem; font-weight: 600; }
.mark { color: var(--_soft); font-size: 0.875em; font-weight: 400; }
.hint { margin-bottom: 0.375rem; color: var(--_soft); font-size: 0.875rem; }
.error { margin-top: 0.375rem; color: var(--_danger); font-size: 0.9375rem; font-weight: 600; }
.error::before { content: "! " / ""; }
input, select, textarea {
  display: block;
  width: 100%;
  max-width: 26rem;
  min-height: 2.5rem;
  margin: 0;
  padding: 0.4375rem 0.625rem;
  border: 1px solid var(--_border);
  border-radius: var(--_radius);
  background: var(--_field);
  color: inherit;
  font: inherit;
}
input[type="date"], input[type="time"], input[type="number"], input[type="datetime-local"], select { width: auto; min-width: min(12rem, 100%); }
textarea { max-width: none; resize: vertical; line-height: 1.5; }
textarea.json { font-family: ui-monospace, monospace; font-size: 0.875rem; white-space: pre; overflow: auto; }
::placeholder { color: var(--_soft); opacity: 1; }
:is(input, textarea):read-only:not([type="checkbox"]), select:disabled { border-style: dashed; background: var(--_inset); }
:disabled { cursor: not-allowed; }
[aria-invalid="true"]:not(fieldset) { border: 2px solid var(--_danger); }
fieldset[aria-invalid="true"] { border-inline-start-color: var(--_danger); }
.line { display: flex; align-items: center; gap: 0.625rem; }
.line label { margin: 0; padding: 0.25rem 0; font-weight: 400; }
.line input { flex: none; width: 1.25rem; min-width: 0; height: 1.25rem; min-height: 0; accent-color: var(--_accent); }
.line ~ .hint, .line ~ .error { margin-inline-start: 1.875rem; }
ol { display: grid; gap: 0.75rem; max-width: 40rem; padding: 0; list-style: none; }
li[part="item"] { display: flex; flex-wrap: wrap; align-items: end; gap: 0.25rem 0.5rem; }
li[part="item"] > .slot { flex: 1 1 12rem; min-width: 0; }
li[part="item"] :is(input, select):not([type="checkbox"]) { width: 100%; max-width: none; }
li > .slot > * > :is(label, legend) > .mark { display: none; }
.tools { display: flex; gap: 0.25rem; }
.list > button { margin-top: 0.75rem; }
button {
  min-height: 2.5rem;
  padding: 0.375rem 1rem;
  border: 1px solid var(--_accent);
  border-radius: var(--_radius);
  background: var(--_accent);
  color: var(--_on-accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}
button.quiet, button.small { background: transparent; color: var(--_accent); }
button.small { min-width: 2.5rem; padding: 0.25rem; border-color: var(--_line); }
button:disabled { border-color: var(--_line); color: var(--_soft); cursor: not-allowed; }
button[aria-disabled="true"] { opacity: 0.65; cursor: progress; }
.actions { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.status:not(:empty) { margin-top: 0.75rem; color: var(--_soft); }
.summary { padding: 0.875rem 1rem; border: 2px solid var(--_danger); border-radius: var(--_radius); background: var(--_danger-inset); }
.summary .heading { margin-bottom: 0.375rem; font-weight: 650; }
.summary ul { padding-inline-start: 1.25rem; }
.summary a { color: var(--_danger); }
:is(input, select, textarea, button, a, .summary):focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }
`;

/** A style sheet of its own, which a content security policy without inline styles permits. */
export function createStyles(): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  return sheet;
}
