/**
 * Where senders come from: `Sender.place`. Whoever wants to write as many strangers has to have many of these, which is
 * dearer than many names.
 */
import { isIP } from 'node:net';

/**
 * The part of a domain that somebody registered: of `mail.example.org` and `example.org` the same. Without a list of all
 * registries a short second level of a country (`co.uk`) is taken for one.
 */
export function domainPlace(domain: string): string {
  const labels = domain.toLowerCase().replace(/\.$/, '').split('.').slice(-3);
  const [, second = '', top = ''] = labels.length === 3 ? labels : ['', ...labels];
  const isRegistry = labels.length === 3 && top.length === 2 && second.length <= 3;
  return labels.slice(isRegistry ? -3 : -2).join('.');
}

/** The network of an address: a /24, or a /64 of IPv6; of a host's name its domain. Null: it is neither. */
export function networkPlace(host: string): string | null {
  const version = isIP(host);
  if (version === 4) return `${host.split('.').slice(0, 3).join('.')}.0/24`;
  if (version === 6) return `${expand(host).slice(0, 4).join(':')}::/64`;
  return /[^.]\.[^.]/.test(host) ? domainPlace(host) : null;
}

function expand(address: string): string[] {
  // Browsers' way to write one: without leading zeros, the longest run of zeros as `::`.
  const [head = '', tail] = new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string) => part.split(':').filter(Boolean);
  const last = groups(tail ?? '');
  const first = groups(head);
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
}

/** The country and the network of a number in international form, as far as they can be told without a list. */
export const numberPlace = (number: string): string => `+${number.replace(/\D/g, '').slice(0, 5)}`;

/**
 * Of platforms whose ids count up: accounts that were made at about the same time. A flood comes from accounts that were
 * made for it.
 */
export function idPlace(id: string, accounts: bigint): string | null {
  return /^\d{1,30}$/.test(id) ? `ids from ${(BigInt(id) / accounts) * accounts}` : null;
}
