/**
 * Brings an installation into the states that a crash can leave behind: over its own API, by what vendors and platforms
 * answer, and by killing its processes. Nothing is written into its tables by hand.
 */
import { existsSync } from 'node:fs';
import { createClient } from '../../api/client.ts';
import { type Accepted, ask, createAgent, say } from '../../api/talk.ts';
import { connectWebChat, type Reaction, type Received } from '../../channel/index.ts';
import { type Cluster, closeGate, until } from '../../faults/index.ts';
import { refusal } from '../../telegram/index.ts';
import { bob, type Surroundings, secrets } from '../surroundings.ts';
import { playing, toolFile } from './model.ts';

export interface StageOptions {
  /** With one worker, the one with tools. */
  cluster: Cluster;
  databaseUrl: string;
  surroundings: Surroundings;
}

/** What tests have to know of it: ids, and secrets that were shown once. Kept as JSON. */
export type Staged = Awaited<ReturnType<typeof stage>>;

/** Leaves the processes killed. */
export async function stage({ cluster, databaseUrl, surroundings }: StageOptions) {
  const { owner, sql } = cluster;
  const { model, program, telegram, receiver } = surroundings;
  const runs: Record<string, Accepted> = {};
  const menu = { name: 'menu.txt', mediaType: 'text/plain', url: `${receiver.url}/menu.txt` };
  const open = { strangers: 'answer' };

  const create = (path: string, body: object) => owner.expect(201, owner.post(path, body));
  const count = async (rows: string): Promise<number> =>
    (await sql(`SELECT count(*)::int AS count FROM ${rows}`))[0].count;
  const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  /** What a thread of the program was sent. */
  const shown = (thread: string) => program.shown(thread).map(({ text }) => text);

  let posts = 0;
  /** A message of somebody to a webhook channel, in the thread that is named for them. */
  async function post({ hookPath }: { hookPath: string }, thread: string, body: object): Promise<void> {
    posts += 1;
    const sender = { id: thread, name: thread };
    const { status } = await program.post(
      owner.url + hookPath,
      { thread, sender, ...body },
      `staged-${posts}`,
    );
    if (status >= 300) throw new Error(`The channel answered ${status}.`);
  }

  async function addChannel(body: object) {
    const { id, webhookUrl } = await create('/v1/channels', body);
    return { id: id as string, hookPath: webhookUrl && new URL(webhookUrl).pathname };
  }

  const addSchedule = async (agentId: string, body: object): Promise<string> =>
    (await create('/v1/schedules', { agentId, prompt: 'Look around.', ...body })).id;

  async function addModels(): Promise<void> {
    const vendor = { apiKey: secrets.modelKey, prices: { input: '1', output: '2' } };
    const compatible = (wire: string, name: string, baseUrl: string) =>
      create('/v1/provider-credentials', { ...vendor, provider: `${wire}-compatible`, name, baseUrl });
    await compatible('openai', 'vendor', model.openaiUrl);
    await compatible('anthropic', 'other', model.url);
  }

  async function addAgents() {
    return {
      ada: await createAgent(owner, { name: 'Ada', model: 'vendor/test-model' }),
      ben: await createAgent(owner, { name: 'Ben', model: 'other/test-model' }),
      /** May run once a day. */
      cy: await createAgent(owner, { name: 'Cy', model: 'vendor/test-model' }),
    };
  }
  type Agents = Awaited<ReturnType<typeof addAgents>>;

  /** @returns the id of the budget that is used up after one run */
  async function addBudgets({ cy }: Agents): Promise<string> {
    const everything = { scope: 'team', window: 'month', max: '1000000' };
    for (const unit of ['usd', 'tokens', 'runs']) {
      await create('/v1/budgets', { ...everything, name: `All ${unit}`, rolling: true, unit });
    }
    await create('/v1/budgets', { ...everything, name: 'By calendar', unit: 'tokens' });
    const tight = { scope: 'agent', scopeId: cy, window: 'day', rolling: true, unit: 'runs', max: '1' };
    return (await create('/v1/budgets', { ...tight, name: 'One a day', action: 'queue' })).id;
  }

  async function addKeys() {
    const add = (role: string) => create('/v1/api-keys', { name: `a key of a ${role}`, role });
    const revoked = await add('admin');
    await owner.expect(204, owner.delete(`/v1/api-keys/${revoked.id}`));
    return {
      member: (await add('member')).key as string,
      viewer: (await add('viewer')).key as string,
      revoked: revoked.key as string,
    };
  }

  async function addChannels({ ada: agentId }: Agents) {
    const webhook = { ...program.channel, agentId };
    const { token } = telegram;
    const bot = { kind: 'telegram', agentId, credentials: { token }, settings: { apiUrl: telegram.url } };
    return {
      program: await addChannel({ ...webhook, name: 'Program', access: open, live: false }),
      live: await addChannel({ ...webhook, name: 'Live', access: open, live: true }),
      pairing: await addChannel({ ...webhook, name: 'Pairing', access: { strangers: 'pair' } }),
      telegram: await addChannel({ ...bot, access: open, live: false }),
      web: await connectWebChat(owner, agentId),
    };
  }
  type Channels = Awaited<ReturnType<typeof addChannels>>;

  /** Connections whose sealed credentials are to be kept. They are paused: nobody is there. */
  async function addPausedChannels({ ada: agentId }: Agents): Promise<void> {
    const slack = { botToken: 'xoxb-staged-0123456789', appToken: 'xapp-staged-0123456789' };
    const discord = { botToken: 'MTA0NzExMDgxNTE2MjM0Mg.staged.0123456789-staged-0123456789' };
    for (const body of [
      { kind: 'slack', credentials: slack },
      { kind: 'discord', credentials: discord },
      { kind: 'irc', settings: { host: 'irc.example', nick: 'staged' } },
    ]) {
      const { id } = await addChannel({ ...body, agentId });
      await owner.expect(200, owner.post(`/v1/channels/${id}/pause`));
    }
  }

  /** Long enough that its older part was summarized. @returns its id */
  async function talkAtLength(): Promise<string> {
    const messages = Array.from({ length: 205 }, (_, at) => ({
      role: at % 2 === 0 ? 'user' : 'assistant',
      content: `said ${at}`,
    }));
    await owner.expect(200, owner.post('/openai/v1/chat/completions', { model: 'Ada', messages }));
    return (await sql('SELECT conversation_id AS id FROM conversation_summary'))[0].id;
  }

  /** @returns the code that somebody was told */
  async function askForCode(channel: Channels['pairing'], thread: string): Promise<string> {
    await post(channel, thread, { text: 'Hello' });
    await until('there is a code', () => shown(thread).length === 1);
    return /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(shown(thread)[0]!)![0];
  }

  /** Each run in the middle of one step, or waiting. */
  async function runIntoSteps({ ada, ben, cy }: Agents, channels: Channels): Promise<void> {
    for (const name of ['model', 'cancel', 'once']) runs[name] = await say(owner, ada, `Play ${name}`);
    runs.idempotent = await say(owner, ben, 'Play idempotent');
    runs.waiting = await say(owner, cy, 'One more');
    await post(channels.live, 'live', { text: 'Play live' });
    await post(channels.program, 'file', { text: 'Play file', attachments: [menu] });
    const asked = (text: string) => model.requests.some(({ userText }) => userText.includes(text));
    await until('models are asked', () =>
      ['model', 'cancel', 'live', 'file'].every((name) => asked(`Play ${name}`)),
    );
    await until('tools run', () =>
      ['once', 'idempotent'].every((name) => existsSync(toolFile(surroundings, name))),
    );
    await until('one waits for a budget', async () => {
      const { waiting } = await owner.expect(200, owner.get(`/v1/runs/${runs.waiting!.runId}`));
      return waiting?.code === 'budget_exceeded';
    });
    await until('an answer is shown while it is written', async () => {
      return (await count('live_reply WHERE receipt IS NOT NULL AND delivery_id IS NULL')) === 1;
    });
  }

  /** A send may take ten seconds: until then its worker is to be killed. */
  async function sendHalf({ ada }: Agents, channels: Channels): Promise<void> {
    const hangs = ({ body }: Received) => body?.text === 'unconfirmed by the program';
    program.receiver.react((request) => (hangs(request) ? 'hang' : { status: 200 }));
    telegram.react(afterOneMessage(() => 'hang'));
    const chat = { id: bob.id, type: 'private', first_name: bob.first_name };
    const date = Math.floor(Date.now() / 1000);
    await telegram.deliver({ message: { message_id: 1, from: bob, chat, date, text: 'Play long' } });
    await until('the second part is being sent to Bob', async () => {
      return (await count(`delivery WHERE status = 'sending' AND parts_sent = 1`)) === 1;
    });
    telegram.react(
      afterOneMessage(() => refusal(429, 'Too Many Requests: retry after 60', { retry_after: 60 })),
    );
    await telegram.say('Play long');
    await post(channels.program, 'unconfirmed', { text: 'unconfirmed by the program' });
    runs.unconfirmed = await say(owner, ada, 'unconfirmed by the receiver');
    await until('the second part to Ann is put off', async () => {
      return (await count(`delivery WHERE status = 'pending' AND parts_sent = 1`)) === 1;
    });
  }

  /** Between two writes. What is held there stops all others that reserve in a budget. @returns lets the writes go, undone */
  async function stopBetweenWrites({ ada }: Agents): Promise<{ opened: string; undo(): Promise<void> }> {
    const opening = await closeGate(databaseUrl, {
      on: 'INSERT',
      table: 'run',
      when: `NEW.trigger = 'schedule'`,
    });
    const opened = await addSchedule(ada, { name: 'opened', prompt: 'Look around once.', at: soon(1) });
    await until('a slot is taken up, and its run is not there', async () => (await opening.waiting()) === 1);
    const step = await closeGate(databaseUrl, {
      on: 'INSERT',
      table: 'step',
      when: `NEW.kind = 'model' AND NEW.index = 2`,
    });
    runs.between = await say(owner, ada, 'Play between');
    await until('a step has ended, and the next one is not there', async () => (await step.waiting()) === 1);
    return {
      opened,
      async undo() {
        for (const gate of [opening, step]) {
          await gate.cut();
          await gate.open();
        }
      },
    };
  }

  /** @throws Error when it took too long: a send that timed out is another state than one that was cut off */
  async function assertCutOff(): Promise<void> {
    const sending = await count(`delivery WHERE status = 'sending' AND attempts = 1`);
    if (sending !== 3) throw new Error(`${sending} of 3 sends were cut off: the machine is too busy.`);
  }

  /** What the api takes while no worker runs. */
  async function takeIn({ ada }: Agents, channels: Channels): Promise<void> {
    await say(owner, ada, 'And this', runs.model!.conversationId);
    await owner.expect(202, owner.post(`/v1/runs/${runs.cancel!.runId}/cancel`));
    runs.queued = await say(owner, ada, 'In the queue');
    await post(channels.program, 'queued', { text: 'In the queue of the program', attachments: [menu] });
    await post(channels.pairing, 'rae', { text: 'Hello' });
  }

  /** Requests that are to be repeated under their Idempotency-Keys, with what they were answered. */
  async function askOnce({ ada }: Agents) {
    const once = async (path: string, body: object, key: string) => {
      const answer = await owner.post(path, body, { 'idempotency-key': key });
      return { path, body, key, status: answer.status, answer: answer.body };
    };
    const message = await once(`/v1/agents/${ada}/messages`, { text: 'Said once' }, 'said-once');
    runs.repeated = message.answer;
    return [message, await once('/v1/agents', { name: 'Made once' }, 'made-once')];
  }

  /** Slots that will have passed when somebody takes over. */
  async function scheduleAhead({ ada }: Agents) {
    const missed = { prompt: 'Look around, missed once.', at: soon(5) };
    return {
      once: await addSchedule(ada, { ...missed, name: 'once', misfire: 'once' }),
      skipped: await addSchedule(ada, { ...missed, name: 'skipped', misfire: 'skip' }),
      all: await addSchedule(ada, { name: 'all', everySeconds: 55, misfire: 'all', overlap: 'queue' }),
    };
  }

  model.script(playing(surroundings));
  receiver.react(receive);
  await addModels();
  const agents = await addAgents();
  const budgetId = await addBudgets(agents);
  const keys = await addKeys();
  const events = ['message.created', 'run.finished'];
  const webhook = await create('/v1/webhooks', { url: `${receiver.url}/`, events, secret: secrets.webhook });
  const channels = await addChannels(agents);

  const talk = await ask(owner, agents.ada, 'Good morning');
  await ask(createClient(owner.url, keys.member), agents.ben, 'Good morning, Ben');
  await ask(owner, agents.ada, 'Play note');
  await ask(owner, agents.cy, 'The only one today');
  runs.failed = await ask(owner, agents.ada, 'Play refused');
  const summary = await talkAtLength();
  await post(channels.program, 'ann', { text: 'What is there today?', attachments: [menu] });
  const code = await askForCode(channels.pairing, 'pat');
  await owner.expect(200, owner.post(`/v1/channels/${channels.pairing.id}/pairings`, { code }));
  const pairingCode = await askForCode(channels.pairing, 'quinn');
  await telegram.say('Hello from Telegram');
  const daily = await addSchedule(agents.ada, {
    name: 'daily',
    cron: '0 8 * * *',
    timezone: 'Europe/Berlin',
  });
  await owner.expect(202, owner.post(`/v1/schedules/${daily}/run`));
  await until('the platform was answered', () => telegram.shown().length === 1 && shown('ann').length === 1);
  await until('all is over', async () => (await count(`run WHERE ended_at IS NULL`)) === 0);
  await until('all was told', async () => (await count(`delivery WHERE status <> 'sent'`)) === 0);

  await runIntoSteps(agents, channels);
  await sendHalf(agents, channels);
  const { opened, undo } = await stopBetweenWrites(agents);
  await cluster.workers[0]!.end('SIGKILL');
  await undo();
  await assertCutOff();
  await takeIn(agents, channels);
  const repeated = await askOnce(agents);
  await addPausedChannels(agents);
  const schedules = { daily, opened, ...(await scheduleAhead(agents)) };
  await cluster.api.end('SIGKILL');
  return {
    agents,
    budgetId,
    keys,
    webhookId: webhook.id as string,
    channels,
    conversations: { talk: talk.conversationId, summary },
    pairingCode,
    runs,
    repeated,
    schedules,
  };
}

/** The receiver of events, which has a file, too. */
function receive({ path, body }: Received): Reaction {
  if (path === '/menu.txt')
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: 'Soup of the day: leek.' };
  return body?.data?.message?.text === 'unconfirmed by the receiver' ? 'hang' : { status: 204 };
}

/** Telegram takes one message, and does the same to all that come later. */
function afterOneMessage(how: () => Reaction): (method: string) => Reaction | undefined {
  let sent = 0;
  return (method) => {
    if (method !== 'sendMessage') return undefined;
    sent += 1;
    return sent > 1 ? how() : undefined;
  };
}
