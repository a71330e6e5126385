/**
 * `claims-action`: the post-login Action that sets the claims which the policy maps. Auth0 runs it at each login and at
 * each refresh of a token, so that a new token carries what is stored.
 */
import type { ReadFile } from '../../config/environment.ts';
import { loadPolicy } from '../../config/policy.ts';
import { SafeError } from '../lib/app-error.ts';
import { parsePointer } from '../metadata/json-pointer.ts';

interface Options {
  /** Whether ID tokens carry the claims as well. */
  readonly inIdToken: boolean;
}

/** Prints the Action. @returns the exit code: 1 where the policy names no claims. @throws SafeError for a faulty policy. */
export function printClaimsAction(policyPath: string, readFile: ReadFile, options: Options): number {
  const errors: string[] = [];
  const policy = loadPolicy(policyPath, readFile, errors);
  if (!policy) throw new SafeError(errors.join('\n'));
  if (Object.keys(policy.claims).length === 0) {
    process.stderr.write('The policy has no claims, so there is nothing that an Action could set.\n');
    return 1;
  }
  process.stdout.write(createClaimsAction(policy.claims, options));
  return 0;
}

/**
 * The text of the Action, for any Node that Auth0 runs Actions on. A value that is missing or null sets no claim.
 * @param claims pointers into `/me` by the names of the claims, as the policy has them.
 */
export function createClaimsAction(claims: Readonly<Record<string, string>>, { inIdToken }: Options): string {
  const rows = Object.entries(claims)
    .map(
      ([name, pointer]) => `  [${toLiteral(name)}, [${parsePointer(pointer).map(toLiteral).join(', ')}]],\n`,
    )
    .join('');
  const idToken = inIdToken ? '    api.idToken.setCustomClaim(claim, value);\n' : '';
  return `/**
 * Copies metadata of the user into claims of the tokens. Printed by \`metadata-bff claims-action\` from the policy's
 * \`claims\`: print and deploy it again after a change of them.
 */
const CLAIMS = [
${rows}];

/**
 * Handler for the post-login trigger.
 * @param {Event} event - Details about the user and the context in which they are logging in.
 * @param {PostLoginAPI} api - Methods that change the behaviour of the login.
 */
exports.onExecutePostLogin = async (event, api) => {
  const { user_metadata, app_metadata } = event.user;
  for (const [claim, path] of CLAIMS) {
    const value = readPath({ user_metadata, app_metadata }, path);
    // What is not stored sets no claim.
    if (value === undefined || value === null) continue;
    api.accessToken.setCustomClaim(claim, value);
${idToken}  }
};

/** Follows own members of objects, and positions of lists. */
function readPath(root, path) {
  let value = root;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    if (Array.isArray(value) && !/^\\d+$/.test(name)) return undefined;
    value = value[name];
  }
  return value;
}
`;
}

/** A string literal of JavaScript, also where the text has what JSON allows and older JavaScript does not. */
function toLiteral(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
