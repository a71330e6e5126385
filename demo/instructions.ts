/** What the demo prints once it runs. Each command stands on one line and works as pasted, in bash, zsh and dash. */
import type { Demo } from './stack.ts';

/** The command that prints a token of Jane, who may read and change her metadata. */
export function renderTokenCommand(tenantUrl: string): string {
  const order = '{"sub":"auth0|jane","scope":"read:metadata update:metadata"}';
  return `curl -s ${tenantUrl}/_local/token -H 'Content-Type: application/json' -d '${order}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'`;
}

/** What the page of the API says in the demo beside what it says of every service. */
export function renderDocsNote(tenantUrl: string): string {
  return `**Demo token.** Run \`${renderTokenCommand(tenantUrl)}\` in a terminal, and paste what it prints under *Authorize*.`;
}

export function renderInstructions({ pageUrl, apiUrl, opsUrl, tenantUrl }: Omit<Demo, 'stop'>): string {
  const metadata = `${apiUrl}/me/metadata`;
  const authorization = '-H "Authorization: Bearer $TOKEN"';
  const patch = `-X PATCH ${authorization} -H 'Content-Type: application/merge-patch+json'`;
  return `
  Open  ${pageUrl}  and log in as  jane@example.com  with the password  local

  The proxy         ${apiUrl}
  Its API           ${apiUrl}/docs
  Its health        ${opsUrl}/readyz
  The local tenant  ${tenantUrl}  (stands in for Auth0; nothing leaves this machine)

Without a browser, paste these into another terminal. Get a token:
  TOKEN=$(${renderTokenCommand(tenantUrl)})

Read:
  curl -s -w '\\n' ${metadata} ${authorization}

Change one setting, deep inside; what is beside it stays:
  curl -s -w '\\n' ${metadata} ${patch} -d '{"notifications":{"digest":{"day":"friday"}}}'

Read it back:
  curl -s -w '\\n' ${metadata} ${authorization}

A change that is refused, with a problem document that says why:
  curl -s -w '\\n' ${metadata} ${patch} -d '{"$where":"here"}'

Ctrl-C stops everything.
`;
}

/** What is printed where only the page runs here. */
export function renderPageInstructions(pageUrl: string): string {
  return `
  Open  ${pageUrl}

  The application needs this address as callback, logout URL and web origin; the service needs it in CORS_ORIGINS.

Ctrl-C stops everything.
`;
}
