import { SignJWT, UnsecuredJWT } from 'jose';
import { expect, it } from 'vitest';
import { readUserToken } from './user-token.ts';

const secret = 'a secret of the tests, long enough for it';
const key = Buffer.from(secret);
const sign = (claims: object, { alg = 'HS256', by = key as Uint8Array } = {}) =>
  new SignJWT({ exp: Math.floor(Date.now() / 1000) + 600, ...claims }).setProtectedHeader({ alg }).sign(by);

it('says whom the page has signed in', async () => {
  expect(
    await readUserToken(secret, await sign({ sub: '42', name: 'Ann', email: 'ann@example.com' })),
  ).toEqual({
    id: '42',
    name: 'Ann',
  });
  expect(await readUserToken(secret, await sign({ sub: '42', email: 'ann@example.com' }))).toEqual({
    id: '42',
    name: 'ann@example.com',
  });
  expect(await readUserToken(secret, await sign({ sub: '42' }))).toEqual({ id: '42', name: null });
});

it('believes nobody else', async () => {
  const good = await sign({ sub: '42' });
  const past = Math.floor(Date.now() / 1000) - 600;
  const wrong = {
    'another secret': await sign({ sub: '42' }, { by: Buffer.from(`${secret}!`) }),
    'another algorithm': await sign({ sub: '42' }, { alg: 'HS512', by: Buffer.from(secret.repeat(2)) }),
    'no signature': new UnsecuredJWT({ sub: '42', exp: past + 1_200 }).encode(),
    'a changed one': good.slice(0, -3),
    'one that is over': await sign({ sub: '42', exp: past }),
    'one without an end': await new SignJWT({ sub: '42' }).setProtectedHeader({ alg: 'HS256' }).sign(key),
    nobody: await sign({ name: 'Ann' }),
    'an empty id': await sign({ sub: ' ' }),
    'an id that fits nowhere': await sign({ sub: 'x'.repeat(151) }),
    'no token': 'abc',
  };
  for (const [name, token] of Object.entries(wrong))
    expect(await readUserToken(secret, token), name).toBeNull();
});
