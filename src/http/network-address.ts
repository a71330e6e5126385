/** Which network an address belongs to, for what is counted by address. */
import { isIPv6 } from 'node:net';

/** Longer than any address; what a misconfigured proxy passes on may be anything. */
const CHARACTERS_MAX = 64;

/** What every IPv4 address begins with when it is written as an IPv6 one (RFC 4291 section 2.5.5.2). */
const MAPPED = '0:0:0:0:0:ffff';

/**
 * An IPv4 address as it is; an IPv6 one as its first 64 bits, because a single host has all addresses below them.
 * Some proxies write a port behind the address: it says nothing of who calls.
 */
export function networkOf(address: string): string {
  const bare = withoutPort(address);
  if (!isIPv6(bare)) return bare.slice(0, CHARACTERS_MAX);
  const groups = groupsOf(bare);
  if (groups.slice(0, 6).join(':') === MAPPED) return groups.slice(6).flatMap(bytesOf).join('.');
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [withoutZone = ''] = address.toLowerCase().split('%');
  const [head, tail] = withoutZone.split('::').map(writtenGroups);
  const [first = [], last = []] = [head, tail];
  const left = Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array.from({ length: left }, () => '0'), ...last];
}

function writtenGroups(part: string): string[] {
  const groups = part === '' ? [] : part.split(':');
  return groups.flatMap((group) => (group.includes('.') ? groupsOfIPv4(group) : [hex(Number(`0x${group}`))]));
}

function groupsOfIPv4(address: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return [hex(a * 256 + b), hex(c * 256 + d)];
}

function bytesOf(group: string): number[] {
  const value = Number(`0x${group}`);
  return [value >> 8, value & 255];
}

const hex = (value: number): string => value.toString(16);

function withoutPort(address: string): string {
  const [, v4, v6] = /^(?:([\d.]+)|\[([^\]]+)\]):\d+$/.exec(address) ?? [];
  return v4 ?? v6 ?? address;
}
