import fc from 'fast-check';
import { expect, it } from 'vitest';
import { domainPlace, idPlace, networkPlace, numberPlace } from './places.ts';

it.each([
  ['example.org', 'example.org'],
  ['mail.example.org', 'example.org'],
  ['a.b.c.Example.ORG.', 'example.org'],
  ['shop.example.co.uk', 'example.co.uk'],
  ['localhost', 'localhost'],
])('%s is of %s', (domain, place) => expect(domainPlace(domain)).toBe(place));

it.each([
  ['203.0.113.9', '203.0.113.0/24'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0:0:ffff::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['dsl-9.city.isp.example', 'isp.example'],
  ['user/ann', null],
  ['localhost', null],
])('%s is of the network %s', (host, place) => expect(networkPlace(host)).toBe(place));

it('numbers and ids that are near are of one place', () => {
  expect(numberPlace('+4915112345678')).toBe(numberPlace('4915198765432'));
  expect(numberPlace('+4915112345678')).not.toBe(numberPlace('+5511912345678'));
  expect(idPlace('7000000001', 10_000_000n)).toBe(idPlace('7009999999', 10_000_000n));
  expect(idPlace('7000000001', 10_000_000n)).not.toBe(idPlace('120000000', 10_000_000n));
  expect(idPlace('-100200300', 10_000_000n)).toBeNull();
});

it('no sender can choose another address of their own network', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const place = networkPlace(address);
      expect(place).toMatch(/^[\da-f:]+::\/64$/);
      const [first, second] = place!.split(':');
      expect([first, second].every((group) => group !== undefined)).toBe(true);
    }),
  );
});
