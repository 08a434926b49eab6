/** Checks of the server, over its API. */
import { ApiError, type Client, ConnectionError } from '@nightshift/contracts/client';
import { defaultAgent, takeAll, wholePages } from '../records.ts';
import { ago, duration } from '../terminal/format.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

/** A message that waits longer for a worker than this, in milliseconds, has none. */
const longWaitMs = 30_000;
const talkSeconds = 30;

/** Codes of a connection that nobody took. Anything else that broke was taken by a program of another kind. */
const nobody = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** `pid`: the process that holds the data directory on this machine, if one does. */
export async function checkServer(client: Client, url: string, pid: number | undefined): Promise<Finding> {
  const name = 'server';
  try {
    const { ok: alive } = await client.health.live();
    if (alive) return ok(name, `answers at ${url}`);
  } catch (error) {
    if (error instanceof ConnectionError && nobody.has(error.code)) {
      const advice = pid
        ? `Nightshift runs as process ${pid}: it is starting, or listens elsewhere. Set PORT as it was started, or give --url.`
        : 'Start it: npm start';
      return failed(name, error.message, advice);
    }
    if (error instanceof ConnectionError && error.code === 'timeout') {
      return failed(name, error.message, 'It hangs or is overloaded: look into its log, and start it again.');
    }
    if (!(error instanceof ConnectionError || error instanceof ApiError)) throw error;
  }
  return failed(
    name,
    `another program listens at ${url}`,
    'Stop it, or start Nightshift on another port (PORT=3001 npm start) and set PORT here too.',
  );
}

const adviceByCheck: Record<string, string> = {
  process: 'It is stopping. Wait, or start it again.',
  database: "The server's log says why. With DATABASE_URL set, look after that PostgreSQL.",
  events: 'It connects again by itself once the database answers.',
  queue: 'With REDIS_URL set, look after that Redis; else after the database.',
};

export async function checkReadiness(client: Client): Promise<Finding[]> {
  const { checks } = await client.health.ready();
  return Object.entries(checks).map(([name, problem]) =>
    problem === 'ok'
      ? ok(name, 'ok')
      : failed(name, problem, adviceByCheck[name] ?? "The server's log says why."),
  );
}

export async function checkKey(client: Client, key: { source: string } | undefined): Promise<Finding> {
  const name = 'api key';
  if (!key) {
    return failed(
      name,
      'none was found',
      'Set NIGHTSHIFT_API_KEY; the key of the first start is in <data>/admin-key.',
    );
  }
  try {
    const { team, key: own } = await client.me();
    return ok(name, `"${own.name}" (${own.role} of team ${team.name}), from ${key.source}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return failed(name, `${key.source}: ${error.message}`, 'Set NIGHTSHIFT_API_KEY to a key of this server.');
  }
}

const presetName = 'NIGHTSHIFT_ADMIN_KEY';

/**
 * Former keys of the environment that still count: version 0.1.0 did not end the one before. Of a later version there is
 * one at most.
 */
export async function checkPresetKeys(client: Client): Promise<Finding[]> {
  const { key } = await client.me();
  if (key.role !== 'owner' && key.role !== 'admin') return [];
  const keys = await takeAll(client.apiKeys.list(wholePages));
  const presets = keys.filter(({ name, role }) => name === presetName && role === 'owner');
  if (presets.length < 2) return [];
  const names = presets.map(({ id, last4 }) => `${id} (…${last4})`).join(', ');
  return [
    warning(
      'preset keys',
      `${presets.length} owner keys are named ${presetName}, and only one can be what it holds: ${names}`,
      'Revoke the former ones: nightshift keys revoke <id>',
    ),
  ];
}

/** Whether workers take up what waits. It sends nothing, so it can only tell from what was asked before. */
export async function checkWorker(client: Client, now = Date.now()): Promise<Finding> {
  const name = 'worker';
  const [queued, latest] = await Promise.all([
    client.runs.list({ status: 'queued', limit: 200 }).next(),
    client.runs.list({ limit: 1 }).next(),
  ]);
  const oldest = queued.value?.data.at(-1);
  if (oldest && now - Date.parse(oldest.createdAt) > longWaitMs) {
    return failed(
      name,
      `a run has been waiting since ${ago(oldest.createdAt, now)}`,
      "Is a worker running? The server's log says why it ends or cannot start.",
    );
  }
  const last = latest.value?.data[0];
  if (last) return ok(name, `nothing waits; the last run (${ago(last.createdAt, now)}): ${last.status}`);
  return warning(name, 'unknown: there was no run yet', 'Ask an agent something: nightshift doctor --talk');
}

/** The same, by asking an agent something: a run like any other, which may cost a few tokens. */
export async function checkTalk(client: Client): Promise<Finding> {
  const name = 'worker';
  const agent = await defaultAgent(client);
  const started = Date.now();
  const { status, error } = await client.talk.send(
    agent.id,
    { text: 'This is a test of the connection. Answer with one word.' },
    { wait: talkSeconds },
  );
  if (status === 'succeeded') return ok(name, `${agent.name} answered in ${duration(Date.now() - started)}`);
  if (status === undefined) {
    return failed(
      name,
      `${agent.name} did not answer within ${talkSeconds} s`,
      'Is a worker running? Look into its log.',
    );
  }
  return failed(name, error?.message ?? `the run was ${status}`, error?.hint ?? 'nightshift runs list');
}

export async function checkProviders(client: Client): Promise<Finding> {
  const name = 'model keys';
  const found = (await client.catalog.providers())
    .filter(({ configured }) => configured.environment || configured.credentials > 0)
    .map(({ id, configured }) => `${id} (${configured.credentials > 0 ? 'stored' : 'environment'})`);
  return found.length > 0
    ? ok(name, found.join(', '))
    : warning(name, 'none: agents answer with the built-in demo', 'Add one: nightshift providers add openai');
}
