/** The look of `<user-metadata-settings>` around the form, with the custom properties of the form. */
export const SETTINGS_CSS = `
:host {
  --accent: var(--user-metadata-accent, light-dark(#2b4acb, #9db0ff));
  --on-accent: var(--user-metadata-on-accent, light-dark(#fff, #10142a));
  --line: var(--user-metadata-line, color-mix(in srgb, CanvasText 18%, Canvas));
  --inset: var(--user-metadata-inset, color-mix(in srgb, CanvasText 8%, Canvas));
  --soft: var(--user-metadata-soft, color-mix(in srgb, CanvasText 68%, Canvas));
  --radius: var(--user-metadata-radius, 0.5rem);
  display: block;
  overflow-wrap: anywhere;
}
[hidden], :host([hidden]) { display: none !important; }
* { box-sizing: border-box; }
p, h2 { margin: 0; }
.panel { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
.skeleton { display: grid; gap: 0.5rem; }
.skeleton span { border-radius: var(--radius); background: var(--inset); animation: pulse 1.5s infinite alternate; }
.skeleton .line { inline-size: 8rem; block-size: 1rem; margin-block-start: 0.75rem; }
.skeleton .box { max-inline-size: 28rem; block-size: 2.75rem; }
@keyframes pulse { to { opacity: 0.5; } }
.notice { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; padding: 0.75rem 1rem; border: 1px solid var(--line); border-inline-start: 4px solid var(--tone); border-radius: var(--radius); background: color-mix(in srgb, var(--tone) 8%, Canvas); --tone: var(--accent); }
.notice p { flex: 1 1 16rem; }
.notice[data-tone="success"] { --tone: light-dark(#1b6e35, #7fd79b); }
.notice[data-tone="success"] p::before { content: "\\2713  " / ""; color: var(--tone); font-weight: 700; }
.notice[data-tone="warning"] { --tone: light-dark(#8a5a00, #f0c060); }
.notice[data-tone="warning"] p::before { content: "\\26A0\\FE0E  " / ""; color: var(--tone); font-weight: 700; }
.notice[data-tone="error"] { --tone: light-dark(#b3001b, #ff9aa5); }
.notice[data-tone="error"] p::before { content: "! " / ""; color: var(--tone); font-weight: 700; }
.foot { position: sticky; inset-block-end: 0.5rem; z-index: 1; display: grid; gap: 0.5rem; }
.notice, .bar { box-shadow: 0 0.25rem 1rem #0003; }
.bar { display: flex; flex-wrap: wrap; align-items: center; justify-content: end; gap: 0.5rem; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: var(--radius); background: Canvas; }
.bar-text { flex: 1 1 14rem; color: var(--soft); }
button { min-block-size: 2.75rem; padding: 0.375rem 1.125rem; border: 1px solid var(--accent); border-radius: var(--radius); background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
button.quiet { background: none; color: var(--accent); }
button[aria-disabled="true"] { border-color: var(--line); background: var(--inset); color: var(--soft); cursor: progress; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
dialog { inline-size: min(34rem, calc(100vw - 2rem)); padding: 1.5rem; border: 1px solid var(--line); border-radius: calc(2 * var(--radius)); background: Canvas; color: CanvasText; }
dialog::backdrop { background: #0008; }
dialog h2 { margin-block-end: 0.5rem; font-size: 1.25em; }
dialog fieldset { min-inline-size: 0; margin: 1rem 0; padding: 0; border: 0; }
dialog legend { padding: 0; font-weight: 600; }
.choice { display: flex; align-items: center; gap: 0.625rem; min-block-size: 2.75rem; }
.choice input { flex: none; inline-size: 1.25rem; block-size: 1.25rem; accent-color: var(--accent); }
.actions { display: flex; flex-wrap: wrap; justify-content: end; gap: 0.5rem; margin-block-start: 1.5rem; }
@media (prefers-reduced-motion) { * { animation: none !important; } }
`;
