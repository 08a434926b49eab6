import { ApiError, ConnectionError, createClient } from '@nightshift/contracts/client';
import { type Cli, isLoopback } from '../cli.ts';
import { CliError } from '../failure.ts';
import { checkChannels } from './channels.ts';
import { type Finding, failed, skipped } from './finding.ts';
import { checkAdminKey, checkDataDirectory, checkDiskSpace, checkNode, runningProcess } from './machine.ts';
import {
  checkKey,
  checkPresetKeys,
  checkProviders,
  checkReadiness,
  checkServer,
  checkTalk,
  checkWorker,
} from './server.ts';

/** Somebody waits for the diagnosis: a server that takes longer than this, in milliseconds, is one of its findings. */
const patienceMs = 5_000;

/** A platform that does not answer is one as well: the server waits for it for up to 15 s. */
const platformPatienceMs = 20_000;

/**
 * Looks at everything that can be looked at, a server that is down included.
 *
 * @param options.talk asks an agent something, rather than to tell from earlier runs whether a worker is there
 */
export async function* examine({ env, url, key }: Cli, options: { talk: boolean }): AsyncGenerator<Finding> {
  const client = createClient({ baseUrl: url, apiKey: key?.value, retries: 0, timeoutMs: patienceMs });
  const local = isLoopback(url);

  yield checkNode();
  if (local) {
    yield checkDataDirectory(env.dataDirectory);
    yield checkDiskSpace(env.dataDirectory);
    yield checkAdminKey(env.dataDirectory, env.key);
  } else {
    yield skipped('data directory', 'the server is on another machine');
  }

  const server = await checkServer(client, url, local ? runningProcess(env.dataDirectory) : undefined);
  yield server;
  if (server.status !== 'ok') {
    yield skipped('api key, worker, model keys, channels', 'the server does not answer');
    return;
  }
  const readiness = await checked('readiness', () => checkReadiness(client));
  yield* readiness;
  if (readiness.some(({ status }) => status === 'failed')) {
    yield skipped('api key, worker, model keys, channels', 'the server is not ready');
    return;
  }
  const [accepted] = await checked('api key', () => checkKey(client, key));
  yield accepted!;
  if (accepted!.status !== 'ok') {
    yield skipped('worker, model keys, channels', 'no key is accepted');
    return;
  }
  yield* await checked('preset keys', () => checkPresetKeys(client));
  yield* await checked('worker', () => (options.talk ? checkTalk(client) : checkWorker(client)));
  yield* await checked('model keys', () => checkProviders(client));
  const patient = createClient({
    baseUrl: url,
    apiKey: key?.value,
    retries: 0,
    timeoutMs: platformPatienceMs,
  });
  yield* await checked('channels', () => checkChannels(client, patient));
}

/** A check that the server refuses or drops is a finding too. */
async function checked(name: string, check: () => Promise<Finding | Finding[]>): Promise<Finding[]> {
  try {
    return [await check()].flat();
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof ConnectionError || error instanceof CliError))
      throw error;
    return [failed(name, error.message, "The server's log has more.")];
  }
}
