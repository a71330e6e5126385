/**
 * The log-in page: one plain form that works without scripts and reads well to assistive technology. Everything put
 * into it is escaped.
 */

export interface LoginForm {
  /** Where the form is posted. */
  readonly action: string;
  readonly username: string;
  /** What went wrong with the last attempt. */
  readonly error?: string;
}

/** The page as an HTML document. */
export function renderLoginPage({ action, username, error }: LoginForm): string {
  const alert = error === undefined ? '' : `<p role="alert" id="error">${escapeHtml(error)}</p>`;
  const described = error === undefined ? '' : ' aria-invalid="true" aria-describedby="error"';
  return page(
    'Log in',
    `<h1>Log in</h1>
      <p>This is the local tenant: nothing you type leaves this machine.</p>
      ${alert}
      <form method="post" action="${escapeHtml(action)}">
        <label for="username">Email address</label>
        <input id="username" name="username" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus value="${escapeHtml(username)}"${described}>
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required${described}>
        <button type="submit">Continue</button>
      </form>
      <p>Users: jane@example.com, omar@example.com. Password: local</p>`,
  );
}

/** A page with one message, for log-ins that cannot go on. */
export function renderMessagePage(message: string): string {
  return page('Local tenant', `<h1>Local tenant</h1><p role="alert">${escapeHtml(message)}</p>`);
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center; background: #f4f4f6; color: #1b1b1f; }
      main { width: min(22rem, 90vw); padding: 2rem; background: #fff; border-radius: 0.5rem; box-shadow: 0 1px 4px rgb(0 0 0 / 0.2); }
      label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
      input { margin: 0.25rem 0 1rem; padding: 0.5rem; border: 1px solid #767680; border-radius: 0.25rem; }
      button { padding: 0.6rem; border: 0; border-radius: 0.25rem; background: #2b4acb; color: #fff; cursor: pointer; }
      :focus-visible { outline: 3px solid #8aa2ff; outline-offset: 2px; }
      [role='alert'] { color: #b3001b; }
    </style>
  </head>
  <body>
    <main>
      ${content}
    </main>
  </body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
