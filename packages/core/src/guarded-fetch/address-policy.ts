/**
 * Which addresses a request that somebody else steers may reach: public ones, and what the operator allows.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 */
import { BlockList, isIP } from 'node:net';

export interface AddressPolicy {
  /** The operator named this host and port. `hostname` as `URL` spells it. */
  allowsHost(hostname: string, port: number): boolean;
  /** `address` is an IP address, as a resolver or `URL` spells it, without brackets. */
  allowsAddress(address: string): boolean;
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address, prefix] = range.split('/') as [string, string];
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

/** Everything that is not a public unicast address of IPv4. */
const special4 = blockListOf([
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local: the metadata services of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]);

// Of IPv6 only global unicast is public. Loopback, link-local, unique local, and the forms that hold an IPv4 address
// (mapped, translated) lie outside of it.
const global6 = blockListOf(['2000::/3']);
const special6 = blockListOf([
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: holds an IPv4 address
  '3fff::/20', // documentation
]);

/** `host`, `host:port` or a range in CIDR notation; what `OUTBOUND_ALLOW` lists. Null: none of these. */
function parseEntry(entry: string): { range: string } | { hostname: string; port: number | null } | null {
  const range = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(entry);
  if (range) {
    const version = isIP(range[1]!);
    return version !== 0 && Number(range[2]) <= (version === 4 ? 32 : 128) ? { range: entry } : null;
  }
  const host = /^(\[[0-9a-f:.]+\]|[^\s/?#@:[\]]+)(?::(\d{1,5}))?$/i.exec(entry);
  // Through URL, so that it is spelled as in the requests it is compared with.
  if (!host || !URL.canParse(`http://${host[1]}`)) return null;
  return { hostname: new URL(`http://${host[1]}`).hostname, port: host[2] ? Number(host[2]) : null };
}

export const isAllowEntry = (entry: string): boolean => parseEntry(entry) !== null;

/** @throws {TypeError} when an entry of `allow` is neither a host, a host with a port, nor a range */
export function createAddressPolicy(allow: readonly string[]): AddressPolicy {
  const entries = allow.map((entry) => {
    const parsed = parseEntry(entry);
    if (!parsed) throw new TypeError(`"${entry}" is neither host, host:port nor a range such as 10.0.0.0/8.`);
    return parsed;
  });
  const hosts = entries.filter((entry) => 'hostname' in entry);
  const ranges = blockListOf(entries.flatMap((entry) => ('range' in entry ? [entry.range] : [])));
  return {
    allowsHost: (hostname, port) =>
      hosts.some((host) => host.hostname === hostname && (host.port === null || host.port === port)),
    allowsAddress(address) {
      const family = familyOf(address);
      if (ranges.check(address, family)) return true;
      return family === 'ipv4'
        ? !special4.check(address, family)
        : global6.check(address, family) && !special6.check(address, family);
    },
  };
}
