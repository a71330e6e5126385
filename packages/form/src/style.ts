/** The look of the form: colours by custom properties that an app can set, light or dark as the page is. */

/** Without spaces: it is downloaded as it stands here. */
const CSS = `
:host{--accent:var(--user-metadata-accent,light-dark(#2b4acb,#9db0ff));--on-accent:var(--user-metadata-on-accent,light-dark(#fff,#10142a));--soft:var(--user-metadata-soft,color-mix(in srgb,CanvasText 68%,Canvas));--line:var(--user-metadata-line,color-mix(in srgb,CanvasText 18%,Canvas));--border:var(--user-metadata-border,color-mix(in srgb,CanvasText 52%,Canvas));--field:var(--user-metadata-field,Canvas);--inset:var(--user-metadata-inset,color-mix(in srgb,CanvasText 8%,Canvas));--danger:var(--user-metadata-danger,light-dark(#b3001b,#ff9aa5));--size:var(--user-metadata-size,2.75rem);--gap:calc(1.5rem * var(--user-metadata-density,1));--radius:var(--user-metadata-radius,.5rem);display:block;container-type:inline-size;overflow-wrap:anywhere}
[hidden],:host([hidden]),.associated .actions,:host([hide-actions]) .actions{display:none!important}
*{box-sizing:border-box;margin:0;padding:0;min-inline-size:0;font:inherit;color:inherit}
fieldset{border:0}
ol,ul{list-style:none}
.all,.whole,.group,.tuple,.fields,ol{display:grid;gap:var(--gap)}
.fields:empty{display:none}
h2{margin-block:.5rem 1rem;padding-block-end:.375rem;border-block-end:1px solid var(--line);font-size:1.125em}
.framed{gap:1rem;padding:0 1rem 1rem;border:1px solid var(--line);border-radius:var(--radius)}
.framed *{--gap:1rem}
h2,legend,label,.label,.heading,.error,button{font-weight:600}
legend{padding:.25rem}
.label{display:block;margin-block-end:.25rem}
.mark,.hint,.lock,.status,output{color:var(--soft)}
.mark,.hint,.lock{font-size:.875em;font-weight:400}
.line ~p{margin-inline-start:2rem}
.hint{margin-block-end:.375rem}
.lock::before{content:"\\1F512\\FE0E  " / ""}
.error{margin-block-start:.25rem;color:var(--danger)}
.error::before{content:"! " / ""}
input,select,textarea,button{min-block-size:var(--size);padding:.375rem .75rem;border:1px solid var(--border);border-radius:var(--radius);background:var(--field)}
input,textarea{inline-size:100%}
input{max-inline-size:var(--user-metadata-width,28rem)}
select,[type=date],[type=time],[type=number]{inline-size:auto;min-inline-size:min(14rem,100%);max-inline-size:100%}
textarea{display:block;block-size:7rem;resize:vertical}
textarea.json{font-family:monospace;white-space:pre}
::placeholder{color:var(--soft);opacity:1}
output{display:block;white-space:pre-wrap}
:disabled:not(fieldset),[aria-disabled=true],.chips label:has(:disabled){border-color:var(--line)!important;background:var(--inset)!important;color:var(--soft)!important;-webkit-text-fill-color:currentColor;opacity:1;cursor:not-allowed}
[aria-invalid]{border-color:var(--danger)!important;box-shadow:inset 0 0 0 1px var(--danger)}
.line{display:flex;align-items:center;gap:.625rem}
.line label,label.line{flex:0 1 auto;min-block-size:var(--size);margin:0;padding-block:.5rem}
label.line{font-weight:400;padding:0}
[type=checkbox],[type=radio]{flex:none;inline-size:1.25rem;min-block-size:1.25rem;accent-color:var(--accent)}
[role=switch]{appearance:none;inline-size:2.75rem;min-block-size:1.5rem;padding:.1875rem;border-radius:1rem;background:var(--inset);transition:.15s}
[role=switch]::before{content:"";display:block;inline-size:1rem;aspect-ratio:1;border-radius:1rem;background:var(--border);transition:.15s}
[role=switch]:checked{padding-inline-start:1.4375rem;background:var(--accent);border-color:var(--accent)}
[role=switch]:checked::before{background:var(--on-accent)}
[role=switch]:disabled::before{background:var(--soft)}
.options,.picked,.tags ul,.item,.actions{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem}
.options{gap:0 1.5rem}
.chips{gap:.5rem}
.chips label{position:relative;padding-inline:1rem;border:1px solid var(--border);border-radius:2rem}
.chips input{position:absolute;inset:0;inline-size:100%;block-size:100%;opacity:0}
.chips label:has(:checked){border-color:var(--accent);background:var(--accent);color:var(--on-accent)}
.chips :has(:checked)::before{content:"\\2713" / ""}
.picker{padding:.25rem;accent-color:var(--accent)}
[type=color]{inline-size:4rem}
.tags ul{gap:.5rem;margin-block-end:.5rem}
.tag{display:flex;align-items:center;max-inline-size:100%;padding-inline-start:1rem;border-radius:2rem;background:var(--inset)}
ol{gap:.75rem}
.item{align-items:end;gap:.5rem}
.item>.slot{flex:1 1 12rem}
.item .mark{display:none}
.item input:not([type=checkbox]),.item select{inline-size:100%;max-inline-size:none}
.tools{display:flex;gap:.25rem}
.add{margin-block-start:.75rem}
button{padding-inline:1.125rem;border-color:var(--accent);background:none;color:var(--accent)}
button,label{cursor:pointer}
.submit{background:var(--accent);color:var(--on-accent)}
.small,.remove{min-inline-size:var(--size);padding:.25rem;border-color:#0000}
.small{border-color:var(--line)}
.summary{padding:1rem;border:2px solid var(--danger);border-radius:var(--radius)}
.summary ul{padding-inline-start:1.25rem;list-style:disc}
.summary a{display:block;padding-block:.625rem;color:var(--danger)}
:focus-visible,.chips label:has(:focus-visible){outline:3px solid var(--accent)!important;outline-offset:2px}
@container (min-width:44rem){.fields{grid-template-columns:repeat(var(--user-metadata-columns,1),minmax(0,1fr))}.fields>:has(> .framed,.json,.tags,.multi,textarea){grid-column:1 / -1}}
@media (prefers-reduced-motion){*{transition:none!important}}
@media (forced-colors:active){[role=switch],[role=switch]::before,.chips label:has(:checked){forced-color-adjust:none}[role=switch]::before{background:CanvasText}[role=switch]:checked,.chips label:has(:checked){background:Highlight;color:HighlightText}[role=switch]:checked::before{background:HighlightText}}
`;

/** A style sheet of its own, which a content security policy without inline styles permits. */
export function createStyles(): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  return sheet;
}
