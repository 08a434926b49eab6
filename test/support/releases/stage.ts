/**
 * Brings an installation into the states that a crash can leave behind: over its own API, by what vendors and platforms
 * answer, and by killing its processes. Nothing is written into its tables by hand.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '../api/client.ts';
import { type Accepted, ask, createAgent, say } from '../api/talk.ts';
import { connectWebChat, type Reaction } from '../channel/index.ts';
import { type Cluster, closeGate, until } from '../faults/index.ts';
import type { RecordedRequest, Step } from '../model-server/index.ts';
import { refusal } from '../telegram/index.ts';
import { bob, type Surroundings, secrets } from './surroundings.ts';

/** What tests have to know of it: ids, and secrets that were shown once. Kept as JSON. */
export type Staged = Awaited<ReturnType<typeof stage>>;

/** What a tool of the worker with tools is told to write to. */
export const toolFile = ({ directory }: Surroundings, name: string): string => join(directory, name);

const usage = { input: 100, output: 10 };

/** Two parts on Telegram. */
export const longAnswer = `${'All of it. '.repeat(450)}The end.`;

/** The model's side: what a message asks it to play. Anything else is echoed. */
function play(surroundings: Surroundings, request: RecordedRequest): Step {
  if (request.userText.startsWith('What was said since')) return { text: 'They agreed on blue.', usage };
  const name = /Play ([\w-]+)/.exec(request.userText)?.[1] ?? '';
  const isFirst = request.toolResults.length === 0;
  const call = (tool: string, args: Record<string, unknown>): Step =>
    isFirst ? { toolCalls: [{ name: tool, arguments: args }], usage } : { text: 'Done.', usage };
  switch (name) {
    case 'refused':
      return { status: 400, message: 'The model does not take that.' };
    case 'model':
    case 'live':
      return { fault: 'hang-after', text: ['Half an ', 'ans'], chunkMs: 700 };
    case 'file':
    case 'cancel':
      return { fault: 'hang' };
    case 'note':
    case 'between':
      return call('notes.write', { name, text: `kept by ${name}` });
    case 'once':
    case 'idempotent':
      return call(`test.${name}`, { file: toolFile(surroundings, name) });
    case 'long':
      return { text: longAnswer, usage };
    default:
      return { text: request.userText || 'ok', usage };
  }
}

/**
 * @param cluster with one worker, the one with tools
 * @returns with its processes killed
 */
export async function stage(cluster: Cluster, databaseUrl: string, surroundings: Surroundings) {
  const { owner, sql } = cluster;
  const { model, program, telegram, receiver } = surroundings;
  const create = (path: string, body: object, headers?: Record<string, string>) =>
    owner.expect(201, owner.post(path, body, headers));
  const read = (path: string) => owner.expect(200, owner.get(path));
  const asked = (text: string) => model.requests.some(({ userText }) => userText.includes(text));
  model.script((request) => play(surroundings, request));
  receiver.react(({ path, body }) =>
    path === '/menu.txt'
      ? { status: 200, headers: { 'content-type': 'text/plain' }, body: 'Soup of the day: leek.' }
      : body?.data?.message?.text?.includes('unconfirmed')
        ? 'hang'
        : { status: 204 },
  );
  const menu = { name: 'menu.txt', mediaType: 'text/plain', url: `${receiver.url}/menu.txt` };

  // What was set up.
  const vendor = { apiKey: secrets.modelKey, prices: { input: '1', output: '2' } };
  await create('/v1/provider-credentials', {
    ...vendor,
    provider: 'openai-compatible',
    name: 'vendor',
    baseUrl: model.openaiUrl,
  });
  await create('/v1/provider-credentials', {
    ...vendor,
    provider: 'anthropic-compatible',
    name: 'other',
    baseUrl: model.url,
  });
  const agentId = await createAgent(owner, { name: 'Ada', model: 'vendor/test-model' });
  const otherAgentId = await createAgent(owner, { name: 'Ben', model: 'other/test-model' });
  const frugalAgentId = await createAgent(owner, { name: 'Cy', model: 'vendor/test-model' });
  const everything = { scope: 'team', max: '1000000' };
  for (const unit of ['usd', 'tokens', 'runs']) {
    await create('/v1/budgets', { ...everything, name: `All ${unit}`, window: 'month', rolling: true, unit });
  }
  await create('/v1/budgets', { ...everything, name: 'By calendar', window: 'month', unit: 'tokens' });
  const scope = { scope: 'agent', scopeId: frugalAgentId };
  const usedUp = { ...scope, window: 'day', rolling: true, unit: 'runs', max: '1', action: 'queue' };
  const budget = await create('/v1/budgets', { ...usedUp, name: 'One a day' });
  const keys = {
    member: (await create('/v1/api-keys', { name: 'a member', role: 'member' })).key as string,
    viewer: (await create('/v1/api-keys', { name: 'a viewer', role: 'viewer' })).key as string,
    revoked: (await create('/v1/api-keys', { name: 'nobody', role: 'admin' })) as { id: string; key: string },
  };
  await owner.expect(204, owner.delete(`/v1/api-keys/${keys.revoked.id}`));
  const events = ['message.created', 'run.finished'];
  const webhook = await create('/v1/webhooks', {
    url: `${receiver.url}/events`,
    events,
    secret: secrets.webhook,
  });
  const channel = async (body: object) => {
    const { id, webhookUrl } = await create('/v1/channels', body);
    return { id: id as string, hookPath: webhookUrl && new URL(webhookUrl).pathname };
  };
  const open = { strangers: 'answer' };
  const programChannel = await channel({
    ...program.channel,
    agentId,
    name: 'Program',
    access: open,
    live: false,
  });
  const liveChannel = await channel({ ...program.channel, agentId, name: 'Live', access: open, live: true });
  const pairingChannel = await channel({
    ...program.channel,
    agentId,
    name: 'Pairing',
    access: { strangers: 'pair' },
  });
  const telegramChannel = await channel({
    kind: 'telegram',
    agentId,
    access: open,
    live: false,
    credentials: { token: telegram.token },
    settings: { apiUrl: telegram.url },
  });
  const web = await connectWebChat(owner, agentId);

  // What went well.
  let posts = 0;
  const post = async ({ hookPath }: { hookPath: string }, thread: string, body: object) => {
    posts += 1;
    const sender = { id: thread, name: thread };
    const answer = await program.post(owner.url + hookPath, { thread, sender, ...body }, `staged-${posts}`);
    if (!answer.ok) throw new Error(`The channel answered ${answer.status} ${await answer.text()}`);
  };
  const shown = (thread: string) => program.shown(thread).map(({ text }) => text);
  const talk = await ask(owner, agentId, 'Good morning');
  await ask(createClient(owner.url, keys.member), otherAgentId, 'Good morning, Ben');
  await ask(owner, agentId, 'Play note');
  await ask(owner, frugalAgentId, 'The only one today');
  const failed = await ask(owner, agentId, 'Play refused');
  const messages = Array.from({ length: 205 }, (_, at) => ({
    role: at % 2 === 0 ? 'user' : 'assistant',
    content: `said ${at}`,
  }));
  await owner.expect(200, owner.post('/openai/v1/chat/completions', { model: 'Ada', messages }));
  const [summary] = await sql('SELECT conversation_id AS "conversationId" FROM conversation_summary');
  await post(programChannel, 'ann', { text: 'What is there today?', attachments: [menu] });
  await until('it is answered', () => shown('ann').length === 1);
  const pair = async (thread: string): Promise<string> => {
    await post(pairingChannel, thread, { text: 'Hello' });
    await until('there is a code', () => shown(thread).length === 1);
    return /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(shown(thread)[0]!)![0];
  };
  const code = await pair('pat');
  await owner.expect(200, owner.post(`/v1/channels/${pairingChannel.id}/pairings`, { code }));
  const pairingCode = await pair('quinn');
  await telegram.say('Hello from Telegram');
  await until('it is answered there', () => telegram.shown().length === 1);
  const schedule = async (body: object): Promise<string> =>
    (await create('/v1/schedules', { agentId, prompt: 'Look around.', ...body })).id;
  const daily = await schedule({ name: 'daily', cron: '0 8 * * *', timezone: 'Europe/Berlin' });
  await owner.expect(202, owner.post(`/v1/schedules/${daily}/run`));
  await until('all is over', async () => (await sql(`SELECT FROM run WHERE ended_at IS NULL`)).length === 0);
  await until(
    'all was told',
    async () => (await sql(`SELECT FROM delivery WHERE status <> 'sent'`)).length === 0,
  );

  // What is under way.
  const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const runs: Record<string, Accepted> = {};
  for (const name of ['model', 'cancel', 'once', 'idempotent']) {
    runs[name] = await say(owner, agentId, `Play ${name}`);
  }
  runs.waiting = await say(owner, frugalAgentId, 'One more');
  await post(liveChannel, 'live', { text: 'Play live' });
  await post(programChannel, 'file', { text: 'Play file', attachments: [menu] });
  await until('all are where they are to be cut off', async () => {
    const tools = ['once', 'idempotent'].every((name) => existsSync(toolFile(surroundings, name)));
    const models = ['model', 'cancel', 'live', 'file'].every((name) => asked(`Play ${name}`));
    const { waiting } = await read(`/v1/runs/${runs.waiting!.runId}`);
    return tools && models && waiting?.code === 'budget_exceeded' && shown('live').length === 1;
  });
  await until('it is known what shows the answer', async () => {
    return (
      (await sql('SELECT FROM live_reply WHERE receipt IS NOT NULL AND delivery_id IS NULL')).length === 1
    );
  });

  // What is being sent. A send may take ten seconds: until then it is to be cut off.
  program.receiver.react(({ body }) => (body.text?.includes('unconfirmed') ? 'hang' : { status: 200 }));
  await post(programChannel, 'unconfirmed', { text: 'unconfirmed by the program' });
  runs.unconfirmed = await say(owner, agentId, 'unconfirmed by the receiver');
  const halfSent = (status: string) => async () =>
    (await sql(`SELECT FROM delivery WHERE parts_sent = 1 AND status = $1`, [status])).length === 1;
  telegram.react(afterOneMessage(() => 'hang'));
  await telegram.deliver({
    message: {
      message_id: 1,
      from: bob,
      chat: { id: bob.id, type: 'private', first_name: bob.first_name },
      date: Math.floor(Date.now() / 1000),
      text: 'Play long',
    },
  });
  await until('the second part is being sent to Bob', halfSent('sending'));
  telegram.react(
    afterOneMessage(() => refusal(429, 'Too Many Requests: retry after 60', { retry_after: 60 })),
  );
  await telegram.say('Play long');
  await until('the second part is put off', halfSent('pending'));
  await until('three are being sent', async () => {
    return (await sql(`SELECT FROM delivery WHERE status = 'sending'`)).length === 3;
  });

  // What is between two writes. These stop all others that reserve in a budget, so they come last.
  const opening = await closeGate(databaseUrl, {
    on: 'INSERT',
    table: 'run',
    when: `NEW.trigger = 'schedule'`,
  });
  const opened = await schedule({ name: 'opened', prompt: 'Look around once.', at: soon(1) });
  await until('a slot is taken up, and its run is not there', async () => (await opening.waiting()) === 1);
  const between = await closeGate(databaseUrl, {
    on: 'INSERT',
    table: 'step',
    when: `NEW.kind = 'model' AND NEW.index = 2`,
  });
  runs.between = await say(owner, agentId, 'Play between');
  await until('a step has ended, and the next one is not there', async () => (await between.waiting()) === 1);
  await cluster.workers[0]!.end('SIGKILL');
  for (const gate of [between, opening]) {
    await gate.cut();
    await gate.open();
  }

  // What comes while no worker runs.
  await say(owner, agentId, 'And this', runs.model!.conversationId);
  await owner.expect(202, owner.post(`/v1/runs/${runs.cancel!.runId}/cancel`));
  runs.queued = await say(owner, agentId, 'In the queue');
  await post(programChannel, 'queued', { text: 'In the queue of the program', attachments: [menu] });
  await post(pairingChannel, 'rae', { text: 'Hello' });
  const repeated = { path: `/v1/agents/${agentId}/messages`, body: { text: 'Said once' }, key: 'said-once' };
  runs.repeated = await owner.expect(
    202,
    owner.post(repeated.path, repeated.body, { 'idempotency-key': repeated.key }),
  );
  const schedules = {
    daily,
    opened,
    once: await schedule({ name: 'once', at: soon(5), misfire: 'once', prompt: 'Look around, missed once.' }),
    skipped: await schedule({ name: 'skipped', at: soon(5), misfire: 'skip' }),
    all: await schedule({ name: 'all', everySeconds: 55, misfire: 'all', overlap: 'queue' }),
  };
  for (const body of unreachable) {
    const { id } = await channel({ ...body, agentId });
    await owner.expect(200, owner.post(`/v1/channels/${id}/pause`));
  }
  await cluster.api.end('SIGKILL');
  return {
    agents: { ada: agentId, ben: otherAgentId, cy: frugalAgentId },
    budgetId: budget.id as string,
    keys: { ...keys, revoked: keys.revoked.key },
    webhookId: webhook.id as string,
    channels: { program: programChannel, pairing: pairingChannel, telegram: telegramChannel, web },
    conversations: { talk: talk.conversationId, summary: summary.conversationId as string },
    pairingCode,
    runs: { ...runs, failed } as Record<string, Accepted>,
    repeated,
    schedules,
  };
}

/** Telegram takes one message, and does the same to all that come later. */
function afterOneMessage(how: () => Reaction) {
  let sent = 0;
  return (method: string) => {
    if (method !== 'sendMessage') return undefined;
    sent += 1;
    return sent > 1 ? how() : undefined;
  };
}

/** Channels of other kinds, which are paused: what counts is that their sealed credentials can be kept. */
const unreachable = [
  { kind: 'slack', credentials: { botToken: 'xoxb-staged-0123456789', appToken: 'xapp-staged-0123456789' } },
  {
    kind: 'discord',
    credentials: { botToken: 'MTA0NzExMDgxNTE2MjM0Mg.staged.0123456789-staged-0123456789' },
  },
  { kind: 'irc', settings: { host: 'irc.example', nick: 'staged' } },
];
