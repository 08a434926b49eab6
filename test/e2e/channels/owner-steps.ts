/** The steps of a channel's owner: connecting it, letting people in, trouble, and the end. */
import { expect } from 'vitest';
import { answered, lastText, read, soon, timesTold, traffic, type Walk } from './walking.ts';

export async function wrongCredentialsAreRefusedInWords(walking: Walk): Promise<void> {
  const { owner, channel, place } = walking;
  const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
  expect(test).toMatchObject({ ok: false, account: null, problems: [{}] });
  expect(test.problems[0].message).toMatch(/\w+ \w+/);
  expect(test.problems[0].fix).not.toBe('');
  for (const secret of Object.values(place.wrongCredentials))
    expect(JSON.stringify(test)).not.toContain(secret);
  await soon(async () => expect((await read(walking)).status).toBe('attention'));
}

export async function rightOnesAreTaken(walking: Walk): Promise<void> {
  const { owner, channel, place } = walking;
  await soon(() => expect(timesTold(walking)).toBe(1));
  const { credentials } = place.channel;
  await owner.expect(200, owner.patch(`/v1/channels/${channel.id}`, { credentials }));
  if (channel.webhookUrl) place.enter?.(channel.webhookUrl);
  const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
  expect(test).toMatchObject({ ok: true, account: { name: place.account }, problems: [] });
  const now = await read(walking);
  expect(now).toMatchObject({ status: 'active', problem: null });
  expect(JSON.stringify(now)).not.toContain(Object.values(credentials).at(-1));
}

export async function aStrangerIsPaired({ owner, channel, place, models }: Walk): Promise<void> {
  await place.say('Hello? Who are you?');
  await soon(() => expect(place.shown().length).toBe(1));
  const code = /\b[A-Z\d]{4}-[A-Z\d]{4}\b/.exec(place.shown()[0]!.text)?.[0];
  expect(code).toBeDefined();
  const wrong = await owner.post(`/v1/channels/${channel.id}/pairings`, { code: '2222-2222' });
  expect(wrong.status).toBe(404);
  expect(models.requests).toHaveLength(0);
  models.script([{ text: 'I am your agent.' }]);
  const identity = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/pairings`, { code }));
  expect(identity.status).toBe('approved');
  await soon(() => expect(place.shown().some(({ text }) => text.includes('You are connected.'))).toBe(true));
  // What was asked before is answered.
  await soon(() => expect(lastText(place)).toContain('I am your agent.'));
  expect(models.requests.map(({ userText }) => userText)).toEqual([expect.stringContaining('Who are you?')]);
}

export async function aRevokedTokenIsToldOnceAndMended(walking: Walk): Promise<void> {
  const { place, models, owner, channel } = walking;
  const { promise: after, resolve: goOn } = Promise.withResolvers<void>();
  const asked = models.requests.length;
  const toldBefore = timesTold(walking);
  models.script([{ text: 'Still here.', after }]);
  await place.say('Are you still there?');
  await soon(() => expect(models.requests.length).toBe(asked + 1));
  place.revoke();
  goOn();
  await soon(async () => expect((await read(walking)).status).toBe('attention'));
  await soon(() => expect(timesTold(walking)).toBe(toldBefore + 1));
  const waiting = async () => (await traffic(walking)).outbound[0];
  await soon(async () =>
    expect(await waiting()).toMatchObject({ status: 'pending', error: { code: 'credentials_refused' } }),
  );
  const { attempts } = await waiting();
  // It is tried again meanwhile, and nobody hears of that.
  await soon(async () => expect((await waiting()).attempts).toBeGreaterThan(attempts));
  expect(timesTold(walking)).toBe(toldBefore + 1);
  await owner.expect(200, owner.patch(`/v1/channels/${channel.id}`, { credentials: place.renew() }));
  await soon(() => expect(lastText(place)).toContain('Still here.'));
  await soon(async () => expect((await read(walking)).status).toBe('active'));
}

export async function aPausedChannelIsSilent(walking: Walk): Promise<void> {
  const { owner, channel, place, models } = walking;
  await owner.expect(200, owner.post(`/v1/channels/${channel.id}/pause`));
  expect(await read(walking)).toMatchObject({ status: 'paused' });
  // Who has to be connected to is not while it pauses: what is said there waits at the platform, or is lost to us.
  if (channel.webhookUrl) await place.say('Is anybody there?');
  await owner.expect(200, owner.post(`/v1/channels/${channel.id}/resume`));
  await answered(walking, 'And now?', 'Yes.');
  expect(JSON.stringify(models.requests.at(-1)!.body)).not.toContain('Is anybody there?');
}

export async function aRemovedOneIsGone({ owner, channel, world, place }: Walk): Promise<void> {
  const shown = place.shown().length;
  await owner.expect(204, owner.delete(`/v1/channels/${channel.id}`));
  expect((await owner.get(`/v1/channels/${channel.id}`)).status).toBe(404);
  if (channel.webhookUrl) {
    const { status } = await fetch(world.reach(channel.webhookUrl), { method: 'POST', body: '{}' });
    expect(status).toBe(404);
  }
  expect(place.shown()).toHaveLength(shown);
}
