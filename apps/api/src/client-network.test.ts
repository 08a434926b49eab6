import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clientNetwork } from './client-network.ts';

it.each([
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:51234', '203.0.113.7'],
  [' 203.0.113.7 ', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:cb00:7107', '203.0.113.7'],
  ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
  ['[::ffff:203.0.113.7]:443', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '203.0.113.7'],
  ['2002:cb00:7107:1234::9', '203.0.113.7'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::1]:443', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['fe80::2%25eth1', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['01.2.3.4', 'unknown'],
  ['unknown', 'unknown'],
  ['', 'unknown'],
  [undefined, 'unknown'],
])('counts %j as %s', (ip, expected) => {
  expect(clientNetwork(ip)).toBe(expected);
});

it('counts every host of an IPv6 /64 as one, in every spelling, and hosts of others apart', () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const spell = fc.constantFrom(
    (groups: number[]) => groups.map((each) => each.toString(16)).join(':'),
    (groups: number[]) => groups.map((each) => each.toString(16).padStart(4, '0').toUpperCase()).join(':'),
    (groups: number[]) => `[${groups.map((each) => each.toString(16)).join(':')}]:8080`,
    (groups: number[]) => `${groups.map((each) => each.toString(16)).join(':')}%eth0`,
  );
  const network = fc
    .tuple(fc.integer({ min: 0x2600, max: 0x2fff }), group, group, group)
    .map((groups) => groups as number[]);
  const host = fc.array(group, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(network, network, host, host, spell, spell, (one, other, first, second, spellA, spellB) => {
      const counted = clientNetwork(spellA([...one, ...first]));
      expect(clientNetwork(spellB([...one, ...second]))).toBe(counted);
      const isSame = one.join() === other.join();
      expect(clientNetwork(spellB([...other, ...second])) === counted).toBe(isSame);
    }),
  );
});
