/** Whose requests are believed: tokens of Microsoft's connector, for this bot, for the service that the body names. */
import type { RawRequest } from '@nightshift/channels';
import { createTeams } from '@nightshift/channels/teams';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  appId,
  appPassword,
  claimsAt,
  delivered,
  type FakeTeams,
  jwtOf,
  microsoftKey,
  newSigningKey,
  signed,
  startFakeTeams,
  whispered,
} from '../../support/teams/index.ts';

const now = Date.UTC(2026, 10, 22, 12);
const hour = 3_600;
const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });
const rotated = newSigningKey('rotatedkey');

let fake: FakeTeams;
let teams: ReturnType<typeof createTeams>;
beforeEach(async () => {
  fake = await startFakeTeams();
  teams = createTeams();
});
afterEach(() => fake.close());

async function isBelieved(request: RawRequest, at = now, settings: object = { emulatorUrl: fake.url }) {
  const connection = {
    credentials: teams.credentials.parse({ appId, appPassword }),
    settings: teams.settings.parse(settings),
    account: null,
  };
  const context = { now: at, fetch, signal: AbortSignal.timeout(5_000) };
  return (async () => teams.hook!.verify(request, connection, context))().then(
    ({ ok }) => ok,
    () => false,
  );
}
const body = whispered();
const bearer = (token: string, of: object = body) => delivered(of, `Bearer ${token}`);
const seconds = (at: number) => Math.floor(at / 1000);

describe('a token', () => {
  it('of an hour is believed for that hour', async () => {
    const request = signed(body, now, { exp: seconds(now) + hour });
    for (const [after, fine] of [
      [0, true],
      [hour, true],
      [hour + 310, false],
      [-290, true],
      [-310, false],
    ] as const)
      expect([after, await isBelieved(request, now + after * 1000)]).toEqual([after, fine]);
  });

  it.each<[string, () => RawRequest]>([
    ['of another bot', () => signed(body, now, { aud: 'c9e8c047-2a74-40a2-b28a-b162d5f5327c' })],
    ['for several bots', () => signed(body, now, { aud: ['c9e8c047-2a74-40a2-b28a-b162d5f5327c'] })],
    [
      'of another issuer',
      () => signed(body, now, { iss: 'https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/' }),
    ],
    ['for another service', () => signed(body, now, { serviceurl: 'https://smba.trafficmanager.net/emea/' })],
    ['for no service', () => signed(body, now, { serviceurl: undefined })],
    ['that never ends', () => signed(body, now, { exp: undefined })],
    ['without a beginning', () => signed(body, now, { nbf: undefined })],
    ['without a key', () => bearer(jwtOf(claimsAt(now), microsoftKey, { kid: undefined }))],
    [
      'that nobody signed',
      () => bearer(`${jwtOf(claimsAt(now), microsoftKey, { alg: 'none' }).replace(/[^.]*$/, '')}`),
    ],
    [
      'signed as if the public key were a secret',
      () => bearer(jwtOf(claimsAt(now), microsoftKey, { alg: 'HS256' })),
    ],
    [
      'with a key of its own',
      () => bearer(jwtOf(claimsAt(now), rotated, { jwk: rotated.jwk, kid: microsoftKey.kid })),
    ],
    ['that names where its key is', () => bearer(jwtOf(claimsAt(now), rotated, { jku: `${fake.url}/evil` }))],
    ['of the scheme Basic', () => delivered(body, `Basic ${jwtOf(claimsAt(now))}`)],
    ['twice', () => delivered(body, `Bearer ${jwtOf(claimsAt(now))} ${jwtOf(claimsAt(now))}`)],
    [
      'of a bot for its connector',
      () => bearer(jwtOf({ ...claimsAt(now), iss: 'https://sts.windows.net/x/', appid: appId })),
    ],
  ])('%s is not believed', async (_what, request) => {
    expect(await isBelieved(request())).toBe(false);
  });

  it.each([
    'https://evil.example/',
    'https://smba.trafficmanager.net.evil.example/amer/',
    'http://smba.trafficmanager.net/amer/',
    'https://smba.trafficmanager.net@evil.example/',
    'https://xxx.trafficmanager.net/',
    'https://smba.infra.gov.teams.microsoft.us/teams',
    'nonsense',
  ])('for the service %s is not believed, though both say so', async (elsewhere) => {
    expect(await isBelieved(signed({ ...body, serviceUrl: elsewhere }, now, { serviceurl: elsewhere }))).toBe(
      false,
    );
  });

  it('is of no use for a body of another channel, or that is none', async () => {
    for (const other of [{ ...body, channelId: 'webchat' }, [], 'text', null])
      expect(await isBelieved(signed(Buffer.from(JSON.stringify(other)), now))).toBe(false);
    expect(await isBelieved(signed(Buffer.from('{'), now))).toBe(false);
  });
});

describe('keys', () => {
  const asked = () => fake.requests.filter(({ url }) => url.pathname.endsWith('/keys')).length;

  it('are kept', async () => {
    for (let count = 0; count < 5; count += 1) expect(await isBelieved(signed(body, now))).toBe(true);
    expect(asked()).toBe(1);
  });

  it('are asked for again when they are old, or a new one signs, but not at every stranger’s word', async () => {
    const byRotated = (at: number) => bearer(jwtOf(claimsAt(at), rotated));
    expect(await isBelieved(byRotated(now))).toBe(false);
    fake.state.keys = [rotated.jwk];
    expect([await isBelieved(byRotated(now)), asked()]).toEqual([false, 1]);
    const later = now + 61_000;
    expect([await isBelieved(byRotated(later), later), asked()]).toEqual([true, 2]);
    for (let count = 0; count < 5; count += 1) {
      const stranger = jwtOf(claimsAt(later), rotated, { kid: `kid-${count}` });
      expect(await isBelieved(bearer(stranger), later)).toBe(false);
    }
    expect(asked()).toBe(2);
    const nextDay = later + 25 * hour * 1000;
    expect([await isBelieved(byRotated(nextDay), nextDay), asked()]).toEqual([true, 3]);
  });

  it('that may not sign for Teams are refused', async () => {
    const other = newSigningKey('other', ['slack']);
    fake.state.keys = [other.jwk];
    expect(await isBelieved(bearer(jwtOf(claimsAt(now), other)))).toBe(false);
  });

  it('are believed of nobody else', async () => {
    fake.state.issuer = 'https://evil.example';
    expect(await isBelieved(signed(body, now))).toBe(false);
    fake.state.issuer = 'https://api.botframework.com';
    fake.state.jwksUri = 'http://localhost:1/keys';
    expect(await isBelieved(signed(body, now))).toBe(false);
    fake.state.jwksUri = null;
    expect(await isBelieved(signed(body, now))).toBe(true);
  });

  it('that cannot be had refuse everything, until they can', async () => {
    fake.react(() => ({ status: 503 }));
    expect(await isBelieved(signed(body, now))).toBe(false);
    fake.react(() => undefined);
    expect(await isBelieved(signed(body, now))).toBe(true);
    fake.react(() => 'drop');
    // Those that are known still count.
    expect(await isBelieved(signed(body, now))).toBe(true);
  });
});

it('listens to its tenant alone, where it has one', () => {
  const parse = (tenant: string) => {
    const settings = teams.settings.parse({ tenantId: '72F988BF-86F1-41AF-91AB-2D7CD011DB47' });
    const activity = whispered({ channelData: { tenant: { id: tenant } } });
    return teams.hook!.parse(signed(activity, now), {
      credentials: { appId, appPassword },
      settings,
      account: null,
    });
  };
  expect(parse('72f988bf-86f1-41af-91ab-2d7cd011db47')).toMatchObject([{ type: 'message' }]);
  expect(parse('b28fdbfd-2b78-4f93-b0f8-8881793f0f8f')).toMatchObject([
    { type: 'ignored', what: 'activity of another tenant' },
  ]);
});

it('answers what is executed, and says of other invocations that nothing came of them', () => {
  const answer = (activity: object) =>
    teams.hook!.answer!(signed(activity, now), {
      credentials: { appId, appPassword },
      settings: teams.settings.parse({}),
      account: null,
    });
  expect(answer(whispered())).toEqual({ status: 200 });
  expect(answer(whispered({ type: 'invoke', name: 'fileConsent/invoke' }))).toEqual({ status: 501 });
  const { status, body: text } = answer(whispered({ type: 'invoke', name: 'adaptiveCard/action' }));
  expect([status, JSON.parse(text!)]).toMatchObject([200, { statusCode: 200 }]);
});
