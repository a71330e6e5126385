/**
 * When a user has to log in. There is no consent screen: the application is first-party.
 */
import type { interactionPolicy } from 'oidc-provider';
import { oidcLibrary } from './oidc-provider.ts';

/** The provider's own policy, without consent, and with a new log-in when the session's user is gone or blocked. */
export function authenticationPolicy(): interactionPolicy.DefaultPolicy {
  const policy = oidcLibrary.interactionPolicy.base();
  policy.remove('consent');
  const accountGone = new oidcLibrary.interactionPolicy.Check(
    'account_gone',
    'End-User authentication is required',
    'login_required',
    (ctx) => ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined,
  );
  policy.get('login')?.checks.add(accountGone);
  return policy;
}
