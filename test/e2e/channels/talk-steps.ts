/** The steps of those who talk to the agent. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { answered, lastText, read, soon, traffic, type Walk } from './walking.ts';

/** What every chat is asked to show; `formatted` of a platform is what comes of it. */
const answer = [
  'Hello **Ann**, ',
  '_at last_: ',
  '@everyone <!channel> <@U0BOB>\n\n',
  '- one\n',
  '- two with `a * b`\n\n',
  'See [the guide](https://example.com/guide).\n\n',
  '```js\n',
  'ok();\n```',
];

/** As large as phones make them, and a picture by its beginning. */
const picture = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(2_000_000)]);

export async function aQuestionIsAnsweredAsItIsWritten({ place, models, capabilities }: Walk): Promise<void> {
  const before = { ...place.counts(), shown: place.shown().length };
  models.script([{ text: answer, chunkMs: 400 }]);
  const asked = performance.now();
  await place.say('How are you?');
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

export async function aRepetitionIsNoSecondQuestion(walking: Walk): Promise<void> {
  const said = await answered(walking, 'Once?', 'Once.');
  await said.again();
  await Promise.all([said.again(), said.again()]);
  // What comes after the repetitions shows that they are over.
  await answered(walking, 'And then?', 'Then this.');
  expect(walking.models.requests.filter(({ userText }) => userText.includes('Once?'))).toHaveLength(1);
  expect(walking.place.shown().filter(({ text }) => text.includes('Once.'))).toHaveLength(1);
}

export async function inAGroupOnlyWhatNamesUsIsAnswered(walking: Walk): Promise<void> {
  const { place, models } = walking;
  if (!place.hasGroups) return;
  await place.say('This is between Bob and me.', { room: 'group' });
  await answered(walking, 'And this is for you.', 'Here I am.', { room: 'group', mention: true });
  // It leads to no answer. What the agent may see of it is marked as said to others.
  const told = models.requests.map(({ userText }) => userText).filter((text) => text.includes('between Bob'));
  for (const text of told) {
    expect(text).toMatch(/^⟦said before in the room, to others⟧\n.*between Bob and me/);
    expect(text).toContain('And this is for you.');
  }
}

/** Slack shows it in threads only, so that this comes after the group. */
export function whileItThinksItIsSeenWriting({ place, capabilities }: Walk): void {
  if (capabilities.typing) expect(place.counts().typing).toBeGreaterThan(0);
}

export async function whatSaysNothingIsTakenAndCounted(walking: Walk): Promise<void> {
  const { place } = walking;
  await place.stir();
  // So far: the stranger's message, three questions, one in the group; three repetitions, the talk of others, and this.
  const counts = place.hasGroups ? { received: 5, ignored: 5 } : { received: 4, ignored: 4 };
  await soon(async () => expect((await read(walking)).counts).toMatchObject({ ...counts, refused: 0 }));
}

export async function aPictureIsShownToTheModel(walking: Walk): Promise<void> {
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

export async function aLongAnswerComesInParts({ place, models, capabilities }: Walk): Promise<void> {
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

export async function aVeryLongOneAsFile({ place, models, capabilities }: Walk): Promise<void> {
  if (capabilities.files.outMax === null) return;
  const text = lines(capabilities.limit.max * 12);
  models.script([{ text }]);
  await place.say('Tell me more.');
  await soon(() => expect(place.shown().at(-1)?.file?.name).toBe('answer.md'));
  expect(place.shown().at(-1)!.file!.data.toString()).toBe(text);
}

export async function whatIsChangedOrTakenBackInTimeCounts(walking: Walk): Promise<void> {
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

export async function commandsAreAnsweredWithoutAModel(walking: Walk): Promise<void> {
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

/** What was changed in time, the first change first. */
const amended = async (walking: Walk): Promise<string[]> =>
  (await traffic(walking)).inbound
    .map(({ type }: { type: string }) => type)
    .filter((type: string) => type === 'edited' || type === 'deleted')
    .reverse();
