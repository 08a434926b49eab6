/** Which client an address belongs to, for limits: one IPv4 address, or one IPv6 /64, which a single host has whole. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** IPv6 prefixes, as groups, behind which an IPv4 address is embedded: prefix → where its two groups begin. */
const embeddings: readonly { prefix: readonly number[]; at: number }[] = [
  // IPv4-mapped. https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5.2
  { prefix: [0, 0, 0, 0, 0, 0xffff], at: 6 },
  // NAT64: all IPv4 clients would be one /64. https://www.rfc-editor.org/rfc/rfc6052#section-2.1
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 },
  // 6to4: one IPv4 address owns 65,536 networks. https://www.rfc-editor.org/rfc/rfc3056#section-2
  { prefix: [0x2002], at: 1 },
];

/** Without brackets, the zone of a link-local address, and the port that some proxies add to X-Forwarded-For. */
function bareAddress(text: string): string {
  const trimmed = text.trim();
  const bracketed = /^\[([^\]]*)\]/.exec(trimmed)?.[1];
  const address = (bracketed ?? trimmed).split('%', 1)[0]!;
  return address.split(':').length === 2 ? address.split(':', 1)[0]! : address;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  // Node's own canonical spelling: lower case, shortened, with a dotted tail for some.
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' });
  const [head = '', tail] = canonical.split('::');
  const parse = (part: string) =>
    part
      .split(':')
      .filter(Boolean)
      .flatMap((group) => {
        if (!group.includes('.')) return [Number.parseInt(group, 16)];
        const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
        return [a * 256 + b, c * 256 + d];
      });
  const [before, after] = [parse(head), parse(tail ?? '')];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/**
 * The name under which a client's requests are counted: the IPv4 address, or the IPv6 network `a:b:c:d::/64`. The same
 * for every spelling of an address; an IPv4 address that comes embedded in an IPv6 one counts as itself. What is no
 * address counts as one client, `unknown`.
 */
export function clientNetwork(ip: string | undefined): string {
  const address = bareAddress(ip ?? '');
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const groups = groupsOf(address);
  for (const { prefix, at } of embeddings) {
    if (prefix.every((group, index) => groups[index] === group)) {
      const [high = 0, low = 0] = groups.slice(at);
      return [high >> 8, high & 255, low >> 8, low & 255].join('.');
    }
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}
