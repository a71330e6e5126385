/**
 * The address at which a caller reaches this service. With `PUBLIC_URL` it is one of those listed there, chosen by the
 * request's host, and a request for any other host is refused. Without it, it is the one that the request names, as
 * far as trusted proxies and the form of a host name allow.
 */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { RequestAddress } from '../../identity/access-token.ts';
import { AppError } from '../../lib/app-error.ts';
import { type BaseAddress, getContext } from './request-context.ts';
import type { Route } from '../routes/route.ts';

/** Where the description of this protected resource stands (RFC 9728 section 3). */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource';

/** What a host name with port may look like; anything else could break out of a header or a link. */
const HOST = /^[\w.-]+(?::\d+)?$|^\[[\da-f:.]+\](?::\d+)?$/i;

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

/** What callers see before the path, without a trailing slash; undefined where the request names no usable host. */
export function getBaseAddress(req: Request): BaseAddress | undefined {
  return getContext(req).base ?? getNamedAddress(req);
}

/** The whole address that callers see; undefined where the request names no usable host. */
export function getRequestAddress(req: Request): RequestAddress | undefined {
  const base = getBaseAddress(req);
  return base && { protocol: base.protocol, host: base.host, path: base.path + req.baseUrl + req.url };
}

function getNamedAddress(req: Request): BaseAddress | undefined {
  const { host } = req;
  if (host === undefined || !HOST.test(host)) return undefined;
  const protocol = getProtocol(req);
  return { protocol, host, path: '', url: `${protocol}://${host}` };
}

/** A trusted proxy may pass on what a client wrote, so that only the two schemes of HTTP count. */
function getProtocol({ protocol }: Request): string {
  return protocol.toLowerCase() === 'https' ? 'https' : 'http';
}

/** A path in front of the routes, and what replaces it. */
interface Mount {
  readonly prefix: string;
  readonly target: string;
  readonly base: BaseAddress;
}

/** The addresses that share a host. */
interface Site {
  /** For requests without a path in front: it is empty, or a proxy took it off. */
  readonly roots: readonly Mount[];
  /** Of the addresses that have a path, the longest prefix first. */
  readonly mounts: readonly Mount[];
}

export interface PublicAddressOptions {
  /** Without trailing slashes; not empty. */
  readonly publicUrls: readonly string[];
  /** Routes that answer under any host, because probes name the address of a machine. */
  readonly exempt: readonly Route[];
}

/**
 * Refuses requests for a foreign host, and removes the path in front from the others, unless a proxy did so before.
 * @throws AppError `misdirected_request`.
 */
export function createPublicAddress(
  routes: readonly Route[],
  { publicUrls, exempt }: PublicAddressOptions,
): RequestHandler {
  const sites = createSites(publicUrls.map(parseBase));
  const isExempt = createPathMatcher(exempt);
  const isOwnPath = createPathMatcher(routes);

  return function publicAddress(req, _res, next) {
    const site = sites.get(req.host?.toLowerCase() ?? '');
    if (site) {
      getContext(req).base = enter(req, site);
    } else if (!isExempt(getPath(req))) {
      throw new AppError('misdirected_request', 'This service does not answer for the host of this request.');
    }
    next();
  };

  /** Chooses the address, and leaves the path below it in `req.url`. */
  function enter(req: Request, { roots, mounts }: Site): BaseAddress {
    const path = mounts.length > 0 ? getPath(req) : '';
    // A route may begin with the path in front of another: `/api/v2/users/{id}` at `https://host/api`.
    const longest = isOwnPath(path) ? undefined : mounts.find(({ prefix }) => isBelow(path, prefix));
    if (!longest) return chooseByProtocol(roots, req).base;
    const alike = mounts.filter(({ prefix }) => prefix === longest.prefix);
    const { prefix, target, base } = chooseByProtocol(alike, req);
    const below = target + req.url.slice(prefix.length);
    req.url = below.startsWith('/') ? below : `/${below}`;
    return base;
  }
}

function parseBase(url: string): BaseAddress {
  const { protocol, host, pathname } = new URL(url);
  return { protocol: protocol.slice(0, -1), host, path: pathname === '/' ? '' : pathname, url };
}

function createSites(bases: readonly BaseAddress[]): ReadonlyMap<string, Site> {
  const sites = new Map<string, Site>();
  for (const { protocol, host } of bases) {
    const here = bases.filter((base) => base.host === host);
    const [first] = here;
    // Without one at the root, nothing tells several apart once a proxy has taken the path off.
    const rootPath = here.some(({ path }) => path === '') ? '' : first?.path;
    const roots = here
      .filter(({ path }) => path === rootPath)
      .map((base): Mount => ({ prefix: '', target: '', base }));
    const site = { roots, mounts: createMounts(here) };
    sites.set(host, site);
    // A default port may be named or left out.
    if (new URL(`${protocol}://${host}`).port === '') sites.set(`${host}${DEFAULT_PORTS[protocol]}`, site);
  }
  return sites;
}

function createMounts(bases: readonly BaseAddress[]): readonly Mount[] {
  return bases
    .filter(({ path }) => path !== '')
    .flatMap((base): Mount[] => [
      { prefix: base.path, target: '', base },
      // RFC 9728 section 3.1 puts the description of a resource with a path between host and path.
      { prefix: RESOURCE_METADATA_PATH + base.path, target: RESOURCE_METADATA_PATH, base },
    ])
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
}

/** The one whose scheme is that of the request, or else the first. */
function chooseByProtocol(mounts: readonly Mount[], req: Request): Mount {
  const [first] = mounts;
  if (first === undefined) throw new Error('a site has at least one address');
  if (mounts.length === 1) return first;
  const protocol = getProtocol(req);
  return mounts.find(({ base }) => base.protocol === protocol) ?? first;
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
}

function getPath({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** Whether a path is that of one of the routes. */
function createPathMatcher(routes: readonly Route[]): (path: string) => boolean {
  const patterns = routes.map(({ path, below = false }) => {
    const pattern = path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+');
    return below ? `${pattern}(?:/.*)?` : pattern;
  });
  const pattern = new RegExp(`^(?:${patterns.join('|')})$`);
  return (path) => patterns.length > 0 && pattern.test(path);
}
