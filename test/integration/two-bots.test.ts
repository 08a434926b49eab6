/** Two channels whose bots are in one group: each answers what is said to it, and the two never talk for ever. */
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import * as discord from '../support/discord/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import * as slack from '../support/slack/index.ts';
import * as telegram from '../support/telegram/index.ts';

type Name = 'one' | 'two';

/** A bot in the group, as the server of its platform has it. */
interface Bot {
  readonly channel: { kind: string; credentials: object; settings: object };
  /** Something is said in the group, which names that bot: it comes to this one as to everybody there. */
  hear(text: string, named: Name, from: 'Ann' | Name): Promise<void>;
  /** What it has said there. */
  said(): string[];
  close(): Promise<void>;
}

let product: Product;

beforeAll(async () => {
  product = await startProduct();
  await product.startWorker();
});
afterAll(() => product.close());

const telegramBots = {
  one: { id: 111111, is_bot: true, first_name: 'One', username: 'one_bot' },
  two: { id: 222222, is_bot: true, first_name: 'Two', username: 'two_bot' },
};
let messages = 0;

async function onTelegram(name: Name): Promise<Bot> {
  const { id, username } = telegramBots[name];
  const fake = await telegram.startTelegram({
    token: `${id}:AAFakeTokenOfTheTests_0123456789-abc`,
    username,
  });
  return {
    channel: { kind: 'telegram', credentials: { token: fake.token }, settings: { apiUrl: fake.url } },
    async hear(text, named, from) {
      const mention = `@${telegramBots[named].username}`;
      await fake.deliver({
        message: {
          message_id: Number(text.match(/\d+/)![0]),
          from: from === 'Ann' ? telegram.ann : telegramBots[from],
          chat: { id: -100200300, type: 'supergroup', title: 'Sales' },
          date: Math.floor(Date.now() / 1000),
          text: `${mention} ${text}`,
          entities: [{ type: 'mention', offset: 0, length: mention.length }],
        },
      });
    },
    said: () => fake.shown().map(({ text }) => text),
    close: fake.close,
  };
}

const slackBots = {
  one: slack.bot,
  two: { user: 'U0TWO', name: 'two', id: 'B0TWO', app: 'A0TWO' },
};

async function onSlack(name: Name): Promise<Bot> {
  const us = slackBots[name];
  const fake = await slack.startFakeSlack(us);
  return {
    channel: {
      kind: 'slack',
      credentials: { botToken: slack.tokens.bot, appToken: slack.tokens.app },
      settings: { apiUrl: fake.url },
    },
    async hear(text, named, from) {
      const message = slack.posted(`<@${slackBots[named].user}> ${text}`, {
        ts: `1735689600.${text.match(/\d+/)![0].padStart(6, '0')}`,
        channel: slack.channels.general,
        channel_type: 'channel',
        thread_ts: '1735689600.000000',
        ...(from !== 'Ann' && {
          ...{ user: slackBots[from].user, bot_id: slackBots[from].id, app_id: slackBots[from].app },
        }),
      });
      const authorizations = [{ team_id: slack.team.id, user_id: us.user, is_bot: true }];
      await fake.sockets.deliverSurely(
        'events_api',
        slack.callback(message, { api_app_id: us.app, authorizations }),
      );
    },
    said: () => fake.messages.map(({ text }) => text),
    close: fake.close,
  };
}

const discordBots = {
  one: discord.bot,
  two: { ...discord.bot, id: '1069635248040299999', username: 'two' },
};

async function onDiscord(name: Name): Promise<Bot> {
  const us = discordBots[name];
  const fake = await discord.startFakeDiscord(us);
  return {
    channel: {
      kind: 'discord',
      credentials: { botToken: discord.botToken },
      settings: { apiUrl: `${fake.url}/api/v10` },
    },
    async hear(text, named, from) {
      await vi.waitUntil(() => fake.gateway.open.length > 0, { timeout: 60_000 });
      const message = discord.posted({
        id: `11704817358621${text.match(/\d+/)![0].padStart(5, '0')}`,
        author: from === 'Ann' ? discord.ann : discordBots[from],
        content: `<@${discordBots[named].id}> ${text}`,
        mentions: [discordBots[named]],
      });
      fake.gateway.dispatch('MESSAGE_CREATE', message);
    },
    said: () => fake.messages.filter(({ author }) => author.id === us.id).map(({ content }) => content),
    close: fake.close,
  };
}

/** A bot with its channel, its agent, and a model that says who it is. */
async function join(bot: Bot, name: Name, programs: 'ignore' | 'answer') {
  const { owner } = product;
  const models: ModelServer = await startModelServer();
  models.script(() => ({ text: `This is ${name}.` }));
  const agentId = await createAgent(owner, {
    model: await connectModel(owner, models),
    queueMode: 'followup',
  });
  const access = { strangers: 'answer', programs, limits: { programTurns: 2 } };
  const { id } = await owner.expect(
    201,
    owner.post('/v1/channels', { ...bot.channel, agentId, access, live: false }),
  );
  const counts = async () => (await owner.expect(200, owner.get(`/v1/channels/${id}`))).counts;
  return { ...bot, id, models, counts };
}

const soon = (holds: () => unknown) => vi.waitFor(holds, { timeout: 60_000, interval: 50 });

describe.each([
  ['Telegram', onTelegram],
  ['Slack', onSlack],
  ['Discord', onDiscord],
])('%s', (_platform, start) => {
  async function group(programs: 'ignore' | 'answer', atEnd: TestContext['onTestFinished']) {
    const bots = await Promise.all([start('one'), start('two')]);
    const [one, two] = await Promise.all([join(bots[0], 'one', programs), join(bots[1], 'two', programs)]);
    const say = async (text: string, named: Name, from: 'Ann' | Name) => {
      messages += 1;
      // The same message, under the same id, comes through both channels.
      const numbered = `${text} ${messages}`;
      await Promise.all([one.hear(numbered, named, from), two.hear(numbered, named, from)]);
    };
    atEnd(async () => {
      await Promise.all([one, two].flatMap((each) => [each.close(), each.models.close()]));
    });
    return { one, two, say };
  }

  it.concurrent('each answers what names it, and nothing that the other one says', async ({
    onTestFinished,
  }) => {
    const { one, two, say } = await group('ignore', onTestFinished);
    await say('Who are you?', 'one', 'Ann');
    await soon(() => expect(one.said()).toEqual(['This is one.']));
    await say('This is one.', 'two', 'one');
    await say('And you?', 'two', 'Ann');
    await soon(() => expect(two.said()).toEqual(['This is two.']));
    await say('This is two.', 'one', 'two');
    await soon(async () => expect(await one.counts()).toMatchObject({ received: 1, ignored: 3 }));
    await soon(async () => expect(await two.counts()).toMatchObject({ received: 1, ignored: 3 }));
    expect([one.said(), two.said()]).toEqual([['This is one.'], ['This is two.']]);
    expect([one.models.requests.length, two.models.requests.length]).toEqual([1, 1]);
  });

  it.concurrent('where they answer each other, they stop after so many turns', async ({ onTestFinished }) => {
    const { one, two, say } = await group('answer', onTestFinished);
    await say('Talk to two.', 'one', 'Ann');
    // Whatever one of them says names the other.
    for (let turn = 1; turn <= 3; turn += 1) {
      await soon(() => expect(one.said()).toHaveLength(turn));
      await say('Go on.', 'two', 'one');
      if (turn === 3) break;
      await soon(() => expect(two.said()).toHaveLength(turn));
      await say('Go on.', 'one', 'two');
    }
    // Dropped: what Ann said to one, its own two answers, and what one said beyond two's two turns.
    await soon(async () => expect(await two.counts()).toMatchObject({ received: 2, ignored: 4 }));
    // A person makes it begin anew.
    await say('And now?', 'two', 'Ann');
    await soon(() => expect(two.said()).toHaveLength(3));
    expect(two.models.requests).toHaveLength(3);
  });
});
