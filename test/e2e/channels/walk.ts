/**
 * The life of a channel, as its owner, its people and its platform see it: the same steps for every platform, which brings
 * its stand-in (platforms/). Whatever a step changes, it leaves as the next one needs it.
 */
import { randomBytes } from 'node:crypto';
import { builtInAdapters, type Capabilities } from '@nightshift/channels';
import { expect, vi } from 'vitest';
import { type Client, connectModel, createAgent } from '../../support/api/index.ts';
import type { Receiver } from '../../support/channel/index.ts';
import { type ModelServer, type Script, startModelServer } from '../../support/model-server/index.ts';
import type { Place, Platform, Room, Said, World } from './platforms/platform.ts';

/** What every chat is asked to show; `formatted` of a platform is what comes of it. */
export const answer = [
  'Hello **Ann**, ',
  '_at last_: ',
  '@everyone <!channel> <@U0BOB>\n\n',
  '- one\n',
  '- two with `a * b`\n\n',
  'See [the guide](https://example.com/guide).\n\n',
  '```js\n',
  'ok();\n```',
];

/** The most impatient platforms wait so long to hear that a message arrived. */
const ackMs = 3_000;

/** As large as phones make them, and a picture by its beginning. */
const picture = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(2_000_000)]);

interface Product {
  url: string;
  owner: Client;
  world: World;
  /** Hears of channels that need attention. */
  told: Receiver;
}

interface Walk extends Omit<Product, 'url'> {
  hookBase: string;
  place: Place;
  /** Its own, so that what it is asked is of this channel. */
  models: ModelServer;
  capabilities: Capabilities;
  agentId: string;
  channel: { id: string; webhookUrl: string | null };
}

/** Walks through all of it; the error of a step that fails names it. */
export async function walk(platform: Platform, product: Product): Promise<void> {
  const { owner, world, url } = product;
  await using resources = new AsyncDisposableStack();
  const models = await startModelServer();
  resources.defer(models.close);
  const place = await platform.start(world);
  resources.defer(() => place.close());
  const model = await connectModel(owner, models);
  // What is said meanwhile waits, so that it can be changed and taken back.
  const agentId = await createAgent(owner, { model, queueMode: 'followup' });
  const { capabilities } = (await builtInAdapters.load(place.channel.kind))!;
  const channel = await owner.expect(
    201,
    owner.post('/v1/channels', {
      ...place.channel,
      name: platform.name,
      agentId,
      credentials: place.wrongCredentials,
    }),
  );
  const walking: Walk = { ...product, hookBase: url, models, place, agentId, capabilities, channel };
  for (const step of steps) {
    try {
      await step(walking);
    } catch (error) {
      (error as Error).message = `${platform.name}, ${step.name}: ${(error as Error).message}`;
      throw error;
    }
  }
}

const steps = [
  wrongCredentialsAreRefusedInWords,
  rightOnesAreTaken,
  aStrangerIsPaired,
  aQuestionIsAnsweredAsItIsWritten,
  aRepetitionIsNoSecondQuestion,
  inAGroupOnlyWhatNamesUsIsAnswered,
  whileItThinksItIsSeenWriting,
  whatSaysNothingIsTakenAndCounted,
  aPictureIsShownToTheModel,
  aLongAnswerComesInParts,
  aVeryLongOneAsFile,
  whatIsChangedOrTakenBackInTimeCounts,
  commandsAreAnsweredWithoutAModel,
  aRevokedTokenIsToldOnceAndMended,
  aPausedChannelIsSilent,
  aRemovedOneIsGone,
];

async function wrongCredentialsAreRefusedInWords({ owner, channel, place }: Walk): Promise<void> {
  const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
  expect(test).toMatchObject({ ok: false, account: null, problems: [{}] });
  expect(test.problems[0].message).toMatch(/\w+ \w+/);
  expect(test.problems[0].fix).not.toBe('');
  for (const secret of Object.values(place.wrongCredentials))
    expect(JSON.stringify(test)).not.toContain(secret);
  await soon(async () => expect((await read({ owner, channel })).status).toBe('attention'));
}

async function rightOnesAreTaken(walking: Walk): Promise<void> {
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

async function aStrangerIsPaired({ owner, channel, place, models }: Walk): Promise<void> {
  await place.say('Hello? Who are you?');
  await soon(() => expect(place.shown().length).toBe(1));
  const code = /\b[A-Z\d]{4}-[A-Z\d]{4}\b/.exec(place.shown()[0]!.text)?.[0];
  expect(code).toBeDefined();
  const wrong = await owner.post(`/v1/channels/${channel.id}/pairings`, { code: '2222-2222' });
  expect(wrong.status).toBe(404);
  const identity = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/pairings`, { code }));
  expect(identity.status).toBe('approved');
  await soon(() => expect(lastText(place)).toContain('You are connected.'));
  expect(models.requests).toHaveLength(0);
}

async function aQuestionIsAnsweredAsItIsWritten({ place, models, capabilities }: Walk): Promise<void> {
  const before = { ...place.counts(), shown: place.shown().length };
  models.script([{ text: answer, chunkMs: 400 }]);
  const asked = performance.now();
  await place.say('How are you?');
  expect(performance.now() - asked).toBeLessThan(ackMs);
  await soon(() => expect(place.shown().at(-1)).toMatchObject(place.formatted));
  const ms = performance.now() - asked;
  // One message, whatever was shown in it before.
  expect(place.shown()).toHaveLength(before.shown + 1);
  const { edits } = place.counts();
  if (capabilities.edit) {
    expect(edits - before.edits).toBeGreaterThan(1);
    expect(edits - before.edits).toBeLessThanOrEqual(ms / capabilities.edit.directMs + 2);
  }
}

async function aRepetitionIsNoSecondQuestion(walking: Walk): Promise<void> {
  const said = await answered(walking, 'Once?', 'Once.');
  await said.again();
  await Promise.all([said.again(), said.again()]);
  // What comes after the repetitions shows that they are over.
  await answered(walking, 'And then?', 'Then this.');
  expect(walking.models.requests.filter(({ userText }) => userText.includes('Once?'))).toHaveLength(1);
  expect(walking.place.shown().filter(({ text }) => text.includes('Once.'))).toHaveLength(1);
}

async function inAGroupOnlyWhatNamesUsIsAnswered(walking: Walk): Promise<void> {
  const { place, models } = walking;
  if (!place.hasGroups) return;
  await place.say('This is between Bob and me.', { room: 'group' });
  await answered(walking, 'And this is for you.', 'Here I am.', { room: 'group', mention: true });
  expect(JSON.stringify(models.requests.map(({ body }) => body))).not.toContain('between Bob and me');
}

/** Slack shows it in threads only, so that this comes after the group. */
function whileItThinksItIsSeenWriting({ place, capabilities }: Walk): void {
  if (capabilities.typing) expect(place.counts().typing).toBeGreaterThan(0);
}

async function whatSaysNothingIsTakenAndCounted(walking: Walk): Promise<void> {
  const { place } = walking;
  await place.stir();
  // So far: the stranger's message, three questions, one in the group; three repetitions, the talk of others, and this.
  const counts = place.hasGroups ? { received: 5, ignored: 5 } : { received: 4, ignored: 4 };
  await soon(async () => expect((await read(walking)).counts).toMatchObject({ ...counts, refused: 0 }));
}

async function aPictureIsShownToTheModel(walking: Walk): Promise<void> {
  const { capabilities, models } = walking;
  if (capabilities.files.inMax === null) return;
  await answered(walking, 'What is this?', 'A pixel.', { file: picture });
  const shown = JSON.stringify(models.requests.at(-1)!.body.messages);
  expect(shown.includes(picture.toString('base64')), shown.slice(-500)).toBe(true);
}

const lines = (length: number) =>
  Array.from({ length: Math.ceil(length / 40) }, (_, at) => `Line ${at} says what there is to say.`).join(
    '\n\n',
  );

async function aLongAnswerComesInParts({ place, models, capabilities }: Walk): Promise<void> {
  const before = place.shown().length;
  const { max } = capabilities.limit;
  models.script([{ text: lines(max * 2.5) }]);
  await place.say('Tell me all.');
  const numbers = () =>
    place
      .shown()
      .slice(before)
      .flatMap(({ text }) => [...text.matchAll(/Line (\d+) says/g)].map(([, at]) => Number(at)));
  const count = Math.ceil((max * 2.5) / 40);
  await soon(() => expect(numbers().length).toBe(count));
  expect(numbers()).toEqual(Array.from({ length: count }, (_, at) => at));
  const parts = place.shown().slice(before);
  expect(parts.length).toBeGreaterThan(1);
}

async function aVeryLongOneAsFile({ place, models, capabilities }: Walk): Promise<void> {
  if (capabilities.files.outMax === null) return;
  const text = lines(capabilities.limit.max * 12);
  models.script([{ text }]);
  await place.say('Tell me more.');
  await soon(() => expect(place.shown().at(-1)?.file?.name).toBe('answer.md'));
  expect(place.shown().at(-1)!.file!.data.toString()).toBe(text);
}

async function whatIsChangedOrTakenBackInTimeCounts(walking: Walk): Promise<void> {
  const { place, models } = walking;
  const { promise: after, resolve: goOn } = Promise.withResolvers<void>();
  const asked = models.requests.length;
  models.script([{ text: 'Waited.', after }, { text: 'Understood.' }]);
  await place.say('Wait for me.');
  await soon(() => expect(models.requests.length).toBe(asked + 1));
  const colour = await place.say('My colour is red.');
  const secret = await place.say('My secret is plum.');
  await colour.edit?.('My colour is blue.');
  await secret.remove?.();
  const outcomes = [colour.edit && 'edited', secret.remove && 'deleted'].filter(Boolean);
  await soon(async () => expect(await amended(walking)).toEqual(outcomes));
  goOn();
  await soon(() => expect(lastText(place)).toContain('Understood.'));
  const heard = models.requests.at(-1)!.userText;
  expect(heard).toContain(colour.edit ? 'My colour is blue.' : 'My colour is red.');
  expect(heard).not.toContain(colour.edit ? 'My colour is red.' : 'My colour is blue.');
  if (secret.remove) expect(heard).not.toContain('plum');
}

async function commandsAreAnsweredWithoutAModel(walking: Walk): Promise<void> {
  const { place, models } = walking;
  const asked = models.requests.length;
  for (const [command, words] of [
    ['/help', 'begin a new conversation'],
    ['/status', 'is waiting for you'],
    ['/new', 'A new conversation begins here.'],
  ] as const) {
    await place.say(command);
    await soon(() => expect(lastText(place)).toContain(words));
  }
  expect(models.requests).toHaveLength(asked);
  await answered(walking, 'Do you remember me?', 'No.');
  expect(JSON.stringify(models.requests.at(-1)!.body)).not.toContain('My colour');
}

async function aRevokedTokenIsToldOnceAndMended(walking: Walk): Promise<void> {
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
  expect((await read(walking)).status).toBe('active');
}

async function aPausedChannelIsSilent(walking: Walk): Promise<void> {
  const { owner, channel, place, models } = walking;
  await owner.expect(200, owner.post(`/v1/channels/${channel.id}/pause`));
  expect(await read(walking)).toMatchObject({ status: 'paused' });
  // Who has to be connected to is not while it pauses: what is said there waits at the platform, or is lost to us.
  if (channel.webhookUrl) await place.say('Is anybody there?');
  await owner.expect(200, owner.post(`/v1/channels/${channel.id}/resume`));
  await answered(walking, 'And now?', 'Yes.');
  expect(JSON.stringify(models.requests.at(-1)!.body)).not.toContain('Is anybody there?');
}

async function aRemovedOneIsGone({ owner, channel, world, place }: Walk): Promise<void> {
  const shown = place.shown().length;
  await owner.expect(204, owner.delete(`/v1/channels/${channel.id}`));
  expect((await owner.get(`/v1/channels/${channel.id}`)).status).toBe(404);
  if (channel.webhookUrl) {
    const { status } = await fetch(world.reach(channel.webhookUrl), { method: 'POST', body: '{}' });
    expect(status).toBe(404);
  }
  expect(place.shown()).toHaveLength(shown);
}

/** Looks until it holds: on a busy machine, with several walks at once, that takes a while. */
const soon = (holds: () => unknown) => vi.waitFor(holds, { timeout: 45_000, interval: 50 });

/** Says something, and waits for the answer where it was said. */
async function answered(
  { place, models }: Walk,
  question: string,
  text: string,
  how: { room?: Room; mention?: boolean; file?: Buffer } = {},
): Promise<Said> {
  const script: Script = [{ text }];
  models.script(script);
  const said = await place.say(question, how);
  await soon(() =>
    expect(place.shown().at(-1)).toMatchObject({
      text: expect.stringContaining(text),
      room: how.room ?? 'direct',
    }),
  );
  return said;
}

const lastText = (place: Place) => place.shown().at(-1)?.text;

const read = ({ owner, channel }: Pick<Walk, 'owner' | 'channel'>) =>
  owner.expect(200, owner.get(`/v1/channels/${channel.id}`));

const traffic = ({ owner, channel }: Walk) =>
  owner.expect(200, owner.get(`/v1/channels/${channel.id}/traffic`));

/** What was changed in time, the first change first. */
const amended = async (walking: Walk): Promise<string[]> =>
  (await traffic(walking)).inbound
    .map(({ type }: { type: string }) => type)
    .filter((type: string) => type === 'edited' || type === 'deleted')
    .reverse();

const timesTold = ({ told, channel }: Walk) =>
  told.received.filter(({ body }) => body.type === 'channel.attention' && body.data.channel.id === channel.id)
    .length;
