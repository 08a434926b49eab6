/** Checks of channels: what their platforms answer now, and what was last observed of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, type ChannelTest, roleIncludes } from '@nightshift/contracts';
import { ApiError, type Client, ConnectionError } from '@nightshift/contracts/client';
import { takeAll, wholePages } from '../records.ts';
import { describeState } from '../terminal/channel-state.ts';
import { ago, count } from '../terminal/format.ts';
import { oneLine } from '../terminal/text.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

/** Platforms that are asked at once. */
const maxAtOnce = 8;

/** A worker takes up a channel within so long, in milliseconds; what was just changed is waited for. */
const takeUpMs = 5_000;

/** What waits longer to be sent, in milliseconds, waits for something to be done. */
const longWaitMs = 10 * 60_000;

/** Deliveries that were given up before, in milliseconds, are history. */
const lateMs = 24 * 3_600_000;

const name = 'channel';

/**
 * One finding a channel that is fine, one for each thing that is not.
 *
 * @param patient a client that waits for as long as the server waits for a platform
 */
export async function checkChannels(client: Client, patient: Client): Promise<Finding[]> {
  const [{ key }, channels] = await Promise.all([client.me(), takeAll(client.channels.list(wholePages))]);
  const mayAsk = roleIncludes(key.role, 'admin');
  const findings: Finding[][] = [];
  const waiting = [...channels.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [at, channel] = next;
      findings[at] = await checkChannel(client, mayAsk ? patient : null, channel);
    }
  };
  await Promise.all(Array.from({ length: maxAtOnce }, work));
  return findings.flat();
}

async function checkChannel(client: Client, patient: Client | null, channel: Channel): Promise<Finding[]> {
  const label = `${oneLine(channel.name)} (${channel.kind})`;
  if (channel.status === 'paused') return [ok(name, `${label}: paused`)];
  try {
    const test = patient && (await patient.channels.test(channel.id));
    const wrong = [
      ...(test ? problemsOf(label, test) : []),
      ...observed(label, await settled(client, channel.id), test),
      ...(await checkDeliveries(client, label, channel.id)),
    ];
    return wrong.length > 0
      ? wrong
      : [ok(name, `${label}: ${fine(await client.channels.get(channel.id), test)}`)];
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
    return [failed(name, `${label}: ${error.message}`, "The server's log has more.")];
  }
}

const problemsOf = (label: string, { problems }: ChannelTest): Finding[] =>
  problems.map(({ message, fix }) => failed(name, `${label}: ${message}`, fix));

const passing = new Set(['unattended', 'never_connected', 'connecting']);

/** The channel once a worker has had the time to connect: a test that succeeds starts what was refused again. */
async function settled(client: Client, id: string): Promise<Channel> {
  for (const until = Date.now() + takeUpMs; ; await sleep(250)) {
    const channel = await client.channels.get(id);
    if (!passing.has(channel.state.status) || Date.now() > until) return channel;
  }
}

function observed(label: string, channel: Channel, test: ChannelTest | null): Finding[] {
  const { state } = channel;
  const detail = `${label}: ${describeState(channel)}`;
  const findings: Finding[] = [];
  if (state.status === 'unattended' || state.status === 'never_connected')
    findings.push(
      failed(name, detail, "Is a worker running? The server's log says why it ends or cannot start."),
    );
  // What the test has just said of it is not said twice.
  else if (test?.problems.length) return findings;
  else if (state.status === 'refused')
    findings.push(
      failed(
        name,
        detail,
        `Store other credentials: nightshift channels update ${JSON.stringify(channel.name)} --secrets-stdin`,
      ),
    );
  else if (state.status === 'disconnected' || state.status === 'connecting')
    findings.push(failed(name, detail, 'Check the address and the port, and that this server can reach it.'));
  const { lastRefused, lastVerifiedAt, lastSendError, lastSentAt } = state;
  if (lastRefused && !(lastVerifiedAt && lastVerifiedAt > lastRefused.at))
    findings.push(
      warning(
        name,
        `${label}: the last request to its address (${ago(lastRefused.at)}) was refused: ${oneLine(lastRefused.reason)}`,
        'If the platform sent it, its signing secret is not the one that is stored here.',
      ),
    );
  if (lastSendError && !(lastSentAt && lastSentAt > lastSendError.at))
    findings.push(
      warning(
        name,
        `${label}: the last message could not be sent (${ago(lastSendError.at)}): ${oneLine(lastSendError.message)}`,
        `nightshift channels traffic ${JSON.stringify(channel.name)} --errors`,
      ),
    );
  return findings;
}

async function checkDeliveries(client: Client, label: string, channelId: string): Promise<Finding[]> {
  const first = async (status: 'dead' | 'pending') =>
    (await client.deliveries.list({ channelId, status, limit: 200 }).next()).value?.data ?? [];
  const [dead, pending] = await Promise.all([first('dead'), first('pending')]);
  const now = Date.now();
  const given = dead.filter(({ endedAt }) => endedAt && now - Date.parse(endedAt) < lateMs);
  const late = pending.filter(({ createdAt }) => now - Date.parse(createdAt) > longWaitMs);
  const [last] = given;
  const oldest = late.reduce<string | null>(
    (before, { createdAt }) => (before === null || createdAt < before ? createdAt : before),
    null,
  );
  return [
    ...(last
      ? [
          warning(
            name,
            `${label}: ${count(given.length)} messages were given up within a day, the last: ${oneLine(last.error?.message ?? 'unknown')}`,
            `Send them again: nightshift deliveries list --status dead, then nightshift deliveries retry <id>`,
          ),
        ]
      : []),
    ...(oldest
      ? [
          warning(
            name,
            `${label}: ${count(late.length)} messages wait to be sent, the oldest since ${ago(oldest)}`,
            'They go out once the platform takes them; nightshift deliveries list --status pending says why.',
          ),
        ]
      : []),
  ];
}

/** Of a channel with which nothing is wrong. */
function fine(channel: Channel, test: ChannelTest | null): string {
  const who = test?.account ? `works as ${oneLine(test.account.name)}, ` : '';
  return who + describeState(channel);
}
