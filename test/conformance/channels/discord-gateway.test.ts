/** The gateway, against one on loopback that keeps sessions as Discord does. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  botToken,
  type FakeDiscord,
  posted,
  pressed,
  startFakeDiscord,
} from '../../support/discord/index.ts';
import { type Run, run } from './discord-connection.ts';

let fake: FakeDiscord;
let runs: Run[];

beforeEach(async () => {
  fake = await startFakeDiscord();
  runs = [];
});
afterEach(async () => {
  await Promise.all(runs.map((each) => each.stop()));
  await fake.close();
});

const start = (options?: Parameters<typeof run>[1]): Run => {
  const started = run(fake, options);
  runs.push(started);
  return started;
};
/** One whose session has been stored. */
const standing = async (options?: Parameters<typeof run>[1]): Promise<Run> => {
  const started = start(options);
  await vi.waitUntil(() => started.stood() > 0 && started.cursors.length > 0, 60_000);
  return started;
};
const say = (number: number) => {
  const message = { id: `33438519997496704${number}`, content: `message ${number}` };
  return fake.gateway.dispatch('MESSAGE_CREATE', posted(message));
};
const texts = ({ committed }: Run) => committed.flatMap((event) => ('text' in event ? [event.text] : []));
const until = (condition: () => boolean) => vi.waitUntil(condition, 60_000);

describe('a session', () => {
  it('begins with the intents that are needed, and is stored before anything happens', async () => {
    const one = await standing();
    expect(fake.gateway.counts).toEqual({ sockets: 1, identified: 1, resumed: 0 });
    expect(JSON.parse(one.cursors[0]!)).toMatchObject({ sessionId: 'session-1', sequence: 1 });
    expect(one.cursors.join()).not.toContain(botToken);
  });

  it('stores what is dispatched in its order', async () => {
    const one = await standing();
    for (const number of [1, 2, 3, 4, 5]) say(number);
    await until(() => texts(one).length === 5);
    expect(texts(one)).toEqual([1, 2, 3, 4, 5].map((number) => `message ${number}`));
    expect(JSON.parse(one.cursors.at(-1)!).sequence).toBe(6);
  });

  it('beats, with the last sequence', async () => {
    fake.gateway.rules.heartbeatMs = 50;
    await standing();
    const sequence = say(1);
    await until(() => fake.gateway.heartbeats.includes(sequence));
  });

  it('is left alive when this worker stops, and the next one goes on where it was', async () => {
    const one = await standing();
    say(1);
    await until(() => texts(one).length === 1);
    await one.stop();
    await until(() => fake.gateway.closes.length === 1);
    expect(fake.gateway.closes[0]).not.toBe(1000);
    expect(await one.end).toBeNull();

    say(2);
    const two = await standing({ cursor: one.cursors.at(-1)! });
    await until(() => texts(two).length === 1);
    say(3);
    await until(() => texts(two).length === 2);
    expect(texts(two)).toEqual(['message 2', 'message 3']);
    expect(fake.gateway.counts).toEqual({ sockets: 2, identified: 1, resumed: 1 });
  });

  it('repeats what was not stored', async () => {
    let isBroken = false;
    const failing = new Error('another worker has taken over');
    const one = await standing({
      commit: async () => {
        if (isBroken) throw failing;
      },
    });
    say(1);
    await until(() => texts(one).length === 1);
    isBroken = true;
    say(2);
    expect(await one.end).toBe(failing);
    say(3);
    const two = await standing({ cursor: one.cursors.at(-1)! });
    await until(() => texts(two).length === 2);
    expect(texts(two)).toEqual(['message 2', 'message 3']);
  });

  it('is begun anew where it can no longer be resumed, or the cursor is of no use', async () => {
    const one = await standing();
    await one.stop();
    fake.gateway.rules.resumable = false;
    const two = await standing({ cursor: one.cursors.at(-1)! });
    say(1);
    await until(() => texts(two).length === 1);
    await two.stop();
    const three = await standing({ cursor: '{"version":0}' });
    expect(fake.gateway.counts).toMatchObject({ identified: 3, resumed: 0 });
    expect(JSON.parse(three.cursors[0]!).sessionId).toBe('session-3');
  });

  it('goes on elsewhere when its gateway is no longer there', async () => {
    const one = await standing();
    await one.stop();
    say(1);
    const { resumeUrl, ...rest } = JSON.parse(one.cursors[0]!);
    const two = await standing({ cursor: JSON.stringify({ ...rest, resumeUrl: `${resumeUrl}/gone` }) });
    expect(texts(two)).toEqual(['message 1']);
    expect(fake.gateway.counts).toEqual({ sockets: 2, identified: 1, resumed: 1 });
  });

  it('goes nowhere that a cursor alone names', async () => {
    const one = await standing();
    await one.stop();
    const cursor = { ...JSON.parse(one.cursors[0]!), resumeUrl: 'ws://169.254.169.254/' };
    await standing({ cursor: JSON.stringify(cursor) });
    expect(fake.gateway.counts).toEqual({ sockets: 2, identified: 2, resumed: 0 });
  });
});

describe('an interruption', () => {
  it.each([
    ['a connection that breaks', () => fake.gateway.drop()],
    ['Discord asking to connect again', () => fake.gateway.send({ op: 7, d: null })],
    ['a close that can be resumed', () => fake.gateway.closeWith(4000)],
  ])('%s: the session goes on, and nothing is lost', async (_what, interrupt) => {
    const one = await standing();
    say(1);
    await until(() => texts(one).length === 1);
    interrupt();
    await until(() => fake.gateway.open.length === 0);
    say(2);
    await until(() => texts(one).length === 2);
    expect(one.stood()).toBe(2);
    expect(fake.gateway.counts).toEqual({ sockets: 2, identified: 1, resumed: 1 });
  });

  it('ends where nobody listens any more, to be tried again with the same session', async () => {
    const one = await standing();
    await fake.shut();
    expect(await one.end).toMatchObject({ name: 'ChannelError', kind: 'retry' });
  });

  it('ends rather than begin one session after another', async () => {
    const one = await standing();
    fake.gateway.rules.resumable = false;
    fake.gateway.drop();
    expect(await one.end).toMatchObject({ kind: 'retry', retryAfterMs: 5_000 });
    expect(fake.gateway.counts.identified).toBe(1);
  });
});

describe('what ends it', () => {
  it('a token that is refused', async () => {
    const token = botToken.replace('only', 'ONLY');
    expect(await start({ token }).end).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('Reset Token'),
    });
    expect(fake.gateway.counts.sockets).toBe(0);
  });

  it('the Message Content Intent, when it is off, in words', async () => {
    fake.gateway.rules.messageContent = false;
    const end = await start().end;
    expect(end).toMatchObject({ kind: 'auth', message: expect.stringContaining('"Message Content Intent"') });
  });

  it.each([4004, 4010, 4011, 4012, 4013])(
    'the close %i, after which connecting is of no use',
    async (code) => {
      fake.gateway.rules.closeOnIdentify = code;
      const end = await start().end;
      expect(end).toMatchObject({ kind: 'auth', message: expect.stringContaining(`(${code})`) });
      expect(end!.message).not.toContain(botToken);
    },
  );

  it('a token that is withdrawn while the session stands', async () => {
    const one = await standing();
    fake.gateway.closeWith(4004);
    expect(await one.end).toMatchObject({ kind: 'auth' });
  });

  it('sessions of a day that are used up: before one too many, with how long to wait', async () => {
    fake.app.sessionsLeft = 0;
    expect(await start().end).toMatchObject({ kind: 'retry', retryAfterMs: 14_400_000 });
    expect(fake.gateway.counts.sockets).toBe(0);
  });

  it('stopping, also while it is still connecting', async () => {
    fake.gateway.rules.greets = false;
    const one = start();
    await until(() => fake.gateway.counts.sockets === 1);
    await one.stop();
    expect(await one.end).toBeNull();
    const two = start();
    await two.stop();
    expect(await two.end).toBeNull();
  });
});

describe('a button', () => {
  it('is acknowledged once it is stored', async () => {
    const stored: string[][] = [];
    const one = await standing({
      commit: async (events) => void stored.push([...fake.acknowledged, ...events.map(({ type }) => type)]),
    });
    fake.gateway.dispatch('INTERACTION_CREATE', pressed('yes'));
    await until(() => fake.acknowledged.length === 1);
    expect(stored.at(-1)).toEqual(['action']);
    expect(one.committed).toMatchObject([{ type: 'action', value: 'yes' }]);
  });

  it('counts, though Discord did not hear of it', async () => {
    const one = await standing();
    fake.react(({ url }) => (url.pathname.includes('/interactions/') ? 'drop' : undefined));
    fake.gateway.dispatch('INTERACTION_CREATE', pressed('yes'));
    say(1);
    await until(() => one.committed.length === 2);
    expect(one.committed).toMatchObject([{ value: 'yes' }, { text: 'message 1' }]);
  });
});
