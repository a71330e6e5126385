/**
 * The interactive half of signing in and out: shows the log-in form, checks what comes back, and ends sessions at
 * `/v2/logout`. A log-in can only be answered by the browser it was begun in.
 */
import express, { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { isLocalUrl } from './addresses.ts';
import { renderLoginPage, renderMessagePage } from './login-page.ts';
import type { Oidc } from './oidc.ts';
import type { UserStore } from './user-store.ts';

const credentials = z.object({ username: z.string().default(''), password: z.string().default('') });

/** Routes at the root: `/u/login/{uid}` and `/v2/logout`. */
export function createLogin(oidc: Oidc, users: UserStore): Router {
  const router = Router();

  router.get('/u/login/:uid', async (request, response) => {
    if (!(await loginUnderway(request, response))) return;
    sendPage(response, 200, renderLoginPage({ action: request.originalUrl, username: '' }));
  });

  router.post('/u/login/:uid', express.urlencoded({ extended: false }), async (request, response) => {
    if (!(await loginUnderway(request, response))) return;
    const given = credentials.safeParse(request.body ?? {});
    const { username, password } = given.success ? given.data : { username: '', password: '' };
    const user = users.authenticate(username, password);
    if (!user) {
      const error = 'Wrong email or password.';
      sendPage(response, 400, renderLoginPage({ action: request.originalUrl, username, error }));
      return;
    }
    const blocked = { error: 'unauthorized', error_description: 'user is blocked' };
    const result = user['blocked'] === true ? blocked : { login: { accountId: user.user_id } };
    await oidc.provider().interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  });

  router.get('/v2/logout', async (request, response) => {
    const { returnTo } = request.query;
    if (returnTo !== undefined && (typeof returnTo !== 'string' || !isLocalUrl(returnTo))) {
      sendPage(response, 400, renderMessagePage('The "returnTo" address is not on this machine.'));
      return;
    }
    const provider = oidc.provider();
    const session = await provider.Session.get(provider.createContext(request, response));
    if (session.accountId !== undefined) await session.destroy();
    response.clearCookie(provider.cookieName('session')).clearCookie(`${provider.cookieName('session')}.sig`);
    if (returnTo === undefined) response.type('text').send('OK');
    else response.redirect(302, returnTo);
  });

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
