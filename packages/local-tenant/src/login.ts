/**
 * The login page and its form, and logout at `/v2/logout` and `/oidc/logout`. Only the browser that began a login can complete it.
 */
import express, { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { isLocalUrl } from './addresses.ts';
import type { ClientStore } from './client-store.ts';
import type { Oidc } from './oidc.ts';
import { MULTI_FACTOR_ACR } from './post-login.ts';
import type { UserStore } from './user-store.ts';

/**
 * The log-in page: one plain form that works without scripts and reads well to assistive technology. Everything put
 * into it is escaped.
 */

interface LoginForm {
  /** Where the form is posted. */
  readonly action: string;
  readonly username: string;
  /** Who can log in. */
  readonly hint: string;
  /** What went wrong with the last attempt. */
  readonly error?: string;
}

/** The page as an HTML document. */
function renderLoginPage({ action, username, hint, error }: LoginForm): string {
  const alert = error === undefined ? '' : `<p role="alert" id="error">${escapeHtml(error)}</p>`;
  const described = error === undefined ? '' : ' aria-invalid="true" aria-describedby="error"';
  return renderPage(
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
      <p>${escapeHtml(hint)}</p>`,
  );
}

/** The page that asks for a second factor, which is the same for all users. */
function renderSecondFactorPage(action: string, error?: string): string {
  const alert = error === undefined ? '' : `<p role="alert" id="error">${escapeHtml(error)}</p>`;
  return renderPage(
    'Verify your identity',
    `<h1>Verify your identity</h1>
      ${alert}
      <form method="post" action="${escapeHtml(action)}">
        <label for="code">One-time code</label>
        <input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required autofocus>
        <button type="submit">Continue</button>
      </form>
      <p>The code of the local tenant is ${SECOND_FACTOR_CODE}.</p>`,
  );
}

/** A page with one message, for log-ins that cannot go on. */
function renderMessagePage(message: string): string {
  return renderPage('Local tenant', `<h1>Local tenant</h1><p role="alert">${escapeHtml(message)}</p>`);
}

function renderPage(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <style>
      :root { color-scheme: light dark; }
      body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center; background: light-dark(#f3f4f8, #14151a); color: light-dark(#1b1c22, #e9eaf0); }
      main { width: min(22rem, 90vw); box-sizing: border-box; padding: 2rem; background: light-dark(#fff, #1e2027); border-radius: 0.75rem; box-shadow: 0 1px 4px rgb(0 0 0 / 0.2); }
      label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
      input { min-height: 2.75rem; margin: 0.25rem 0 1rem; padding: 0.5rem; border: 1px solid light-dark(#767b8c, #7d8295); border-radius: 0.5rem; background: light-dark(#fff, #14151a); color: inherit; }
      button { padding: 0.6rem; min-height: 2.75rem; border: 0; border-radius: 0.5rem; background: light-dark(#2b4acb, #9db0ff); color: light-dark(#fff, #10142a); font-weight: 600; cursor: pointer; }
      :focus-visible { outline: 3px solid light-dark(#2b4acb, #9db0ff); outline-offset: 2px; }
      [role='alert'] { color: light-dark(#b3001b, #ff9aa5); }
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

const SECOND_FACTOR_CODE = '000000';

const credentials = z.object({ username: z.string().default(''), password: z.string().default('') });
const secondFactor = z.object({ code: z.string().trim() });

export interface LoginDependencies {
  readonly users: UserStore;
  readonly clients: ClientStore;
  /** Tells on the login page who can log in. */
  readonly hint: string;
}

/** Routes at the root: `/u/login/{uid}`, `/u/mfa/{uid}`, `/v2/logout` and `/oidc/logout`. */
export function createLogin(oidc: Oidc, { users, clients, hint }: LoginDependencies): Router {
  const router = Router();

  router.get('/u/login/:uid', async (request, response) => {
    if (!(await loginUnderway(request, response))) return;
    sendPage(response, 200, renderLoginPage({ action: request.originalUrl, username: '', hint }));
  });

  router.post('/u/login/:uid', express.urlencoded({ extended: false }), async (request, response) => {
    if (!(await loginUnderway(request, response))) return;
    const given = credentials.safeParse(request.body ?? {});
    const { username, password } = given.success ? given.data : { username: '', password: '' };
    const user = users.authenticate(username, password);
    if (!user) {
      const error = 'Wrong email or password.';
      sendPage(response, 400, renderLoginPage({ action: request.originalUrl, username, hint, error }));
      return;
    }
    const blocked = { error: 'unauthorized', error_description: 'user is blocked' };
    const result = user['blocked'] === true ? blocked : { login: { accountId: user.user_id, amr: ['pwd'] } };
    await oidc.provider().interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  });

  router.get('/u/mfa/:uid', async (request, response) => {
    if (!(await loginUnderway(request, response))) return;
    sendPage(response, 200, renderSecondFactorPage(request.originalUrl));
  });

  router.post('/u/mfa/:uid', express.urlencoded({ extended: false }), async (request, response) => {
    if (!(await loginUnderway(request, response))) return;
    if (secondFactor.safeParse(request.body).data?.code !== SECOND_FACTOR_CODE) {
      sendPage(response, 400, renderSecondFactorPage(request.originalUrl, 'Wrong code.'));
      return;
    }
    const provider = oidc.provider();
    const { session } = await provider.interactionDetails(request, response);
    const login = { accountId: session?.accountId ?? '', amr: ['pwd', 'mfa'], acr: MULTI_FACTOR_ACR };
    await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  });

  router.get('/v2/logout', (request, response) => logOut(request, response, 'returnTo'));
  // RP-initiated logout. Auth0 needs no `id_token_hint` either.
  router.get('/oidc/logout', (request, response) => logOut(request, response, 'post_logout_redirect_uri'));

  /** Ends the session, and leads to the address in the parameter `name` if the application may use it. */
  async function logOut(request: Request, response: Response, name: string): Promise<void> {
    const { [name]: target, client_id: clientId, state } = request.query;
    const client = typeof clientId === 'string' ? clients.find(clientId) : undefined;
    const registered = client?.allowed_logout_urls ?? [];
    const isAllowed = (address: string) => isLocalUrl(address) || registered.includes(address);
    if (target !== undefined && (typeof target !== 'string' || !isAllowed(target))) {
      sendPage(response, 400, renderMessagePage(`The "${name}" address is not on this machine.`));
      return;
    }
    const provider = oidc.provider();
    const session = await provider.Session.get(provider.createContext(request, response));
    if (session.accountId !== undefined) await session.destroy();
    response.clearCookie(provider.cookieName('session')).clearCookie(`${provider.cookieName('session')}.sig`);
    if (target === undefined) {
      response.type('text').send('OK');
      return;
    }
    if (name === 'returnTo' || typeof state !== 'string') {
      response.redirect(302, target);
      return;
    }
    const address = new URL(target);
    address.searchParams.set('state', state);
    response.redirect(302, address.href);
  }

  async function loginUnderway(request: Request, response: Response): Promise<boolean> {
    try {
      await oidc.provider().interactionDetails(request, response);
      return true;
    } catch {
      sendPage(
        response,
        400,
        renderMessagePage('This log-in has ended. Go back to the application and start again.'),
      );
      return false;
    }
  }

  return router;
}

function sendPage(response: Response, status: number, html: string): void {
  response
    .status(status)
    .set({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
    })
    .type('html')
    .send(html);
}
