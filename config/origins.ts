/**
 * Which origins `CORS_ORIGINS` may list: those that a browser or an app can send, written as they send them. An entry that
 * could never match is a mistake, so each is refused with its reason.
 */

/** Origins of these schemes are opaque (`null`), or no page can have them. */
const SCHEMES_WITHOUT_PAGES = new Set(['about', 'blob', 'data', 'file', 'ftp', 'javascript', 'ws', 'wss']);

/** Browsers write the ids of their extensions in lower case. */
const LOWER_CASE_SCHEMES = new Set(['http', 'https', 'chrome-extension', 'moz-extension']);

const DEFAULT_PORTS: Readonly<Record<string, RegExp>> = { http: /:80$/, https: /:443$/ };

/** Why no request can carry this origin; undefined where one can. Never repeats the entry. */
export function getOriginFault(origin: string): string | undefined {
  if (origin === '*') return '* is refused: list each origin, or https://*.example.com for its subdomains';
  if (origin === 'null') return 'null is refused: every sandboxed page of any site sends it';
  const [, scheme, host = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(origin) ?? [];
  if (scheme === undefined) return 'must list origins such as https://app.example.com';
  if (scheme !== scheme.toLowerCase()) return 'must write schemes in lower case, as browsers send them';
  if (SCHEMES_WITHOUT_PAGES.has(scheme)) return 'lists a scheme that no page sends as its origin';
  if (host === '') return 'must name a host behind each scheme';
  if (host.includes('*')) return getWildcardFault(scheme, host);
  return scheme === 'http' || scheme === 'https' ? getWebFault(scheme, host) : getHostFault(scheme, host);
}

/** What is wrong with a host in an origin of any scheme. */
function getHostFault(scheme: string, host: string): string | undefined {
  if (/^[^/?#]+\/$/.test(host)) return 'must list origins without a trailing slash';
  if (/[/\\?#]/.test(host)) return 'must list origins without path, query or fragment';
  if (host.includes('@')) return 'must list origins without credentials';
  if (/[^!-~]/.test(host)) return 'must write hosts in ASCII (punycode, xn--...), as browsers send them';
  if (LOWER_CASE_SCHEMES.has(scheme) && host !== host.toLowerCase()) {
    return 'must write hosts in lower case, as browsers send them';
  }
  return undefined;
}

function getWebFault(scheme: string, host: string): string | undefined {
  const fault = getHostFault(scheme, host);
  if (fault !== undefined) return fault;
  if (DEFAULT_PORTS[scheme]?.test(host)) return 'must leave default ports out, as browsers do';
  const origin = `${scheme}://${host}`;
  const isSent = URL.canParse(origin) && new URL(origin).origin === origin;
  return isSent ? undefined : 'must list hosts and ports as browsers send them';
}

/** One star, for exactly one whole label, so that the operator's own domain always stands behind it. */
function getWildcardFault(scheme: string, host: string): string | undefined {
  if (scheme !== 'https') return 'accepts a star in https origins only';
  const [, suffix] = /^\*\.([^*]+)$/.exec(host) ?? [];
  if (suffix === undefined) return 'accepts one star, for the whole first label: https://*.example.com';
  const labels = suffix.replace(/:\d*$/, '').split('.');
  if (labels.length < 2 || labels.includes(''))
    return 'needs two labels behind a star: https://*.example.com';
  return getWebFault(scheme, `a.${suffix}`);
}
