/** Which network an address belongs to, for what is counted by address. */
import ipaddr from 'ipaddr.js';

/** Longer than any address; what a misconfigured proxy passes on may be anything. */
const MAX_CHARACTERS = 64;

/** What an IPv6 host has for itself: it can use any address of it. */
const GROUPS_OF_NETWORK = 4;

/**
 * An IPv4 address as it is, also where it is written as an IPv6 one (RFC 4291 section 2.5.5.2); an IPv6 one as its
 * first 64 bits, because a single host has all addresses below them. Some proxies write a port behind the address: it
 * says nothing of who calls. What is no address counts as the text that it is, up to 64 characters.
 */
export function networkOf(address: string): string {
  const bare = withoutPort(address);
  // The library understands shorter notations of IPv4, too, which no socket and no proxy writes.
  if (bare.length > MAX_CHARACTERS || !bare.includes(':') || !ipaddr.IPv6.isValid(bare)) {
    return bare.slice(0, MAX_CHARACTERS);
  }
  const parsed = ipaddr.IPv6.parse(bare);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return `${parsed.parts
    .slice(0, GROUPS_OF_NETWORK)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

function withoutPort(address: string): string {
  const [, v4, v6] = /^(?:([\d.]+)|\[([^\]]+)\]):\d+$/.exec(address) ?? [];
  return v4 ?? v6 ?? address;
}
