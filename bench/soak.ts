/** Thousands of messages while workers are killed: is every one of them answered, once, and in order? */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import {
  allRunsEnded,
  type Cluster,
  converse,
  echoMarks,
  findViolations,
  type Kill,
  killWorkers,
  startCluster,
  startRedis,
} from '../test/support/faults/index.ts';
import { startModelServer } from '../test/support/model-server/index.ts';
import { currentCommit, describeMachine, measureSync } from './lib/machine.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const usage = `Usage: npm run soak [-- options]

Sends messages to agents through the api while a random worker is killed (SIGKILL) every few seconds, then checks the
database: every accepted message is answered by a run that succeeded, once, and in order. Prints a table, writes
bench/results/soak-<queue>.json, and exits with 1 when anything was lost, doubled or out of order.

Options:
  --messages N        how many in all (10000)
  --conversations N   over how many conversations (200)
  --rate N            messages a second (50)
  --workers N         worker processes, of which one is never killed so that its memory can be watched (4)
  --kill-every S      seconds between kills; 0 kills none (2)
  --queue NAME        postgres, redis or both (both)
  --limit M           minutes after which a run is given up as failed (15)
  --help              show this text

Everything runs on this machine, on loopback and in temporary directories (TMPDIR), and is gone afterwards.
`;

interface Settings {
  messages: number;
  conversations: number;
  rate: number;
  workers: number;
  'kill-every': number;
  limit: number;
}

interface Figure {
  id: string;
  label: string;
  value: number;
  unit: string;
  atMost?: number;
}

const defaults = {
  messages: '10000',
  conversations: '200',
  rate: '50',
  workers: '4',
  'kill-every': '2',
  limit: '15',
};

let resources = new AsyncDisposableStack();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, async () => {
    // What is under way meets the end of everything under it.
    process.on('uncaughtException', () => {});
    process.on('unhandledRejection', () => {});
    await resources.disposeAsync();
    process.exit(128 + constants.signals[signal]);
  });
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    console.error(`${options}\n\n${usage}`);
    return 2;
  }
  if (options === null) {
    console.log(usage);
    return 0;
  }
  let failed = false;
  for (const queue of options.queues) {
    console.log(`\nsoak-${queue}`);
    resources = new AsyncDisposableStack();
    const limit = new AbortController();
    try {
      const figures = await Promise.race([
        soak(queue, options.settings),
        sleep(options.settings.limit * 60_000, undefined, { signal: limit.signal, ref: false }).then(() => {
          throw new Error(`Not done within ${options.settings.limit} minutes.`);
        }),
      ]);
      print(figures);
      failed ||= figures.some(({ value, atMost }) => atMost !== undefined && value > atMost);
    } catch (error) {
      console.error(error);
      failed = true;
    } finally {
      limit.abort();
      await resources.disposeAsync();
    }
  }
  return failed ? 1 : 0;
}

/** Null: help was asked for; a string: what is wrong. */
function read(args: string[]): { settings: Settings; queues: ('postgres' | 'redis')[] } | null | string {
  const number = (name: keyof Settings) => ({ type: 'string', default: defaults[name] }) as const;
  try {
    const { values } = parseArgs({
      args,
      options: {
        messages: number('messages'),
        conversations: number('conversations'),
        rate: number('rate'),
        workers: number('workers'),
        'kill-every': number('kill-every'),
        limit: number('limit'),
        queue: { type: 'string', default: 'both' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const { queue, help, ...rest } = values;
    if (help) return null;
    const settings = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, Number(value)]));
    const wrong = Object.keys(rest).find(
      (name) => !(settings[name]! > 0 || (name === 'kill-every' && settings[name] === 0)),
    );
    if (wrong) return `--${wrong} takes a number above 0.`;
    if (!['postgres', 'redis', 'both'].includes(queue)) return `There is no queue "${queue}".`;
    const queues = (['postgres', 'redis'] as const).filter((name) => queue === name || queue === 'both');
    return { settings: settings as unknown as Settings, queues };
  } catch (error) {
    return (error as Error).message;
  }
}

async function soak(queue: 'postgres' | 'redis', settings: Settings): Promise<Figure[]> {
  const { messages, conversations, rate, workers } = settings;
  const directory = temporaryDirectory(resources);
  const syncMs = Number(measureSync(directory).toFixed(3));
  const postgres = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    settings: { max_connections: '300' },
  });
  resources.defer(() => postgres.stop());
  const redis = queue === 'redis' ? await startRedis() : undefined;
  if (redis) resources.defer(redis.stop);
  const model = await startModelServer({ record: false });
  resources.defer(model.close);
  let requests = 0;
  const echo = echoMarks({ delayMs: 5, toolEvery: 10 });
  model.script((request) => {
    requests += 1;
    return echo(request);
  });
  const cluster = await startCluster({ databaseUrl: postgres.url, redisUrl: redis?.url, workers });
  resources.defer(cluster.close);
  const { owner, sql } = cluster;
  await owner.expect(
    201,
    owner.post('/v1/provider-credentials', {
      provider: 'openai-compatible',
      name: 'soak',
      baseUrl: model.openaiUrl,
    }),
  );
  const agentIds: string[] = [];
  for (const queueMode of ['steer', 'followup']) {
    const agent = { name: queueMode, model: 'soak/test-model', queueMode };
    agentIds.push((await owner.expect(201, owner.post('/v1/agents', agent))).id);
  }

  const survivor = cluster.workers[0]!;
  const began = performance.now();
  const memory = watchMemory({ api: cluster.api.pid, worker: survivor.pid });
  const killer =
    settings['kill-every'] > 0
      ? killWorkers(cluster, { everyMs: settings['kill-every'] * 1000, spared: [survivor] })
      : undefined;
  const progress = setInterval(async () => {
    const [row] =
      await sql(`SELECT count(*)::int AS said, (SELECT count(*)::int FROM run WHERE ended_at IS NULL) AS open
      FROM message WHERE role = 'user'`);
    console.log(
      `  ${Math.round((performance.now() - began) / 1000)} s: ${row.said} accepted, ${row.open} runs open`,
    );
  }, 15_000);
  resources.defer(async () => clearInterval(progress));

  const sent = await converse(owner, {
    agentIds,
    conversations,
    messages: Math.ceil(messages / conversations),
    pauseMs: (conversations / rate) * 1000,
  });
  const kills = (await killer?.stop()) ?? [];
  await allRunsEnded(sql, 60_000);
  const seconds = (performance.now() - began) / 1000;
  clearInterval(progress);

  const { lost, twice, outOfOrder } = await findViolations(sql, sent);
  for (const [name, list] of Object.entries({ lost, twice, outOfOrder })) {
    if (list.length > 0) console.error(`  ${name}: ${list.slice(0, 20).join(', ')}`);
  }
  const figures: Figure[] = [
    { id: 'messages', label: 'messages accepted', value: sent.length, unit: '' },
    { id: 'lost', label: 'lost', value: lost.length, unit: '', atMost: 0 },
    { id: 'twice', label: 'answered twice', value: twice.length, unit: '', atMost: 0 },
    { id: 'out-of-order', label: 'out of order', value: outOfOrder.length, unit: '', atMost: 0 },
    ...recoveryFigures(kills),
    ...(await journalFigures(cluster, requests)),
    ...(await latencyFigures(cluster)),
    ...memory(),
    { id: 'duration', label: 'duration', value: seconds, unit: 's' },
  ];
  write(queue, settings, syncMs, figures);
  return figures;
}

function recoveryFigures(kills: readonly Kill[]): Figure[] {
  const cutOff = kills.filter(({ lanes }) => lanes > 0).map(({ recoveryMs }) => recoveryMs / 1000);
  return [
    { id: 'kills', label: 'workers killed', value: kills.length, unit: '' },
    { id: 'kills.cut-off', label: 'of these, in the middle of runs', value: cutOff.length, unit: '' },
    ...(cutOff.length > 0
      ? [
          {
            id: 'recovery.p50',
            label: 'from a kill to the next claim of its lanes: median',
            value: percentile(cutOff, 50),
            unit: 's',
          },
          { id: 'recovery.p99', label: 'p99', value: percentile(cutOff, 99), unit: 's', atMost: 15 },
          { id: 'recovery.max', label: 'the longest', value: Math.max(...cutOff), unit: 's' },
        ]
      : []),
  ];
}

async function journalFigures({ sql }: Cluster, requests: number): Promise<Figure[]> {
  const [row] = await sql(`
    SELECT (SELECT count(*) FROM run)::int AS runs,
      -- Each run is claimed once; every claim above that took it over.
      (SELECT sum(epoch) FROM conversation)::int - (SELECT count(*) FROM run)::int AS takeovers,
      count(*) FILTER (WHERE attempts > 1)::int AS repeated,
      count(*) FILTER (WHERE kind = 'model' AND status = 'succeeded')::int AS answers
    FROM step`);
  return [
    { id: 'runs', label: 'runs', value: row.runs, unit: '' },
    { id: 'takeovers', label: 'runs taken over', value: row.takeovers, unit: '' },
    { id: 'steps.repeated', label: 'steps begun more than once', value: row.repeated, unit: '' },
    { id: 'model.requests', label: 'calls of the model', value: requests, unit: '' },
    { id: 'model.beyond', label: 'of these, paid for and cut off', value: requests - row.answers, unit: '' },
  ];
}

/** From the row of a message to the row of its answer, by the database's clock. */
async function latencyFigures({ sql }: Cluster): Promise<Figure[]> {
  const rows = await sql(`
    SELECT extract(epoch FROM answer.created_at - m.created_at)::float8 * 1000 AS ms
    FROM message m CROSS JOIN LATERAL (
      SELECT a.created_at FROM message a
      WHERE a.run_id = m.run_id AND a.role = 'assistant'
        AND position(substring(m.content->0->>'text' FROM '<.*>') IN a.content->0->>'text') > 0
      ORDER BY a.seq LIMIT 1
    ) AS answer WHERE m.role = 'user'`);
  const latencies = rows.map(({ ms }) => ms as number);
  return [
    {
      id: 'latency.p50',
      label: 'from a message to its answer: p50',
      value: percentile(latencies, 50),
      unit: 'ms',
    },
    { id: 'latency.p99', label: 'p99', value: percentile(latencies, 99), unit: 'ms' },
    { id: 'latency.max', label: 'the longest', value: Math.max(...latencies), unit: 'ms' },
  ];
}

/**
 * Resident memory of processes that live as long as the soak. It goes up and down with the garbage collector, so the
 * lowest of a while is compared: of the second fifth of the time, when all is warm, and of the last.
 */
function watchMemory(pids: Record<string, number>): () => Figure[] {
  const samples = Object.entries(pids).map(([name, pid]) => ({ name, pid, megabytes: [] as number[] }));
  const timer = setInterval(() => {
    for (const { pid, megabytes } of samples) megabytes.push(residentMb(pid));
  }, 500);
  return () => {
    clearInterval(timer);
    return samples.flatMap(({ name, megabytes }) => {
      const fifth = Math.ceil(megabytes.length / 5);
      const early = Math.min(...megabytes.slice(fifth, 2 * fifth));
      const late = Math.min(...megabytes.slice(-fifth));
      return [
        {
          id: `memory.${name}.early`,
          label: `memory of ${name}, lowest of the second fifth`,
          value: early,
          unit: 'MB',
        },
        { id: `memory.${name}.late`, label: 'lowest of the last fifth', value: late, unit: 'MB' },
        {
          id: `memory.${name}.growth`,
          label: 'growth',
          value: (late / early - 1) * 100,
          unit: '%',
          atMost: 10,
        },
      ];
    });
  };
}

function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) * 1024) / 1e6;
}

function print(figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ label }) => label.length));
  console.log();
  for (const { label, value, unit, atMost } of figures) {
    const shown = value.toLocaleString('en', { maximumFractionDigits: value < 100 && unit ? 1 : 0 });
    const verdict = atMost === undefined ? '' : `≤ ${atMost}  ${value <= atMost ? 'met' : 'MISSED'}`;
    console.log(`${label.padEnd(width)}  ${shown.padStart(9)} ${unit.padEnd(2)}  ${verdict}`.trimEnd());
  }
}

function write(queue: string, settings: Settings, syncMs: number, figures: readonly Figure[]): void {
  const directory = fileURLToPath(new URL('results', import.meta.url));
  const result = {
    bench: `soak-${queue}`,
    measured: new Date().toISOString(),
    against:
      `One api and ${settings.workers} worker processes on an embedded PostgreSQL, the queue on ${queue}, a model server ` +
      'that echoes. Product, model, load and whatever else runs share this one machine.',
    settings,
    commit: currentCommit(),
    machine: describeMachine(),
    syncMs,
    figures: figures.map(({ atMost, ...figure }) => ({
      ...figure,
      value: Number(figure.value.toPrecision(4)),
      ...(atMost === undefined ? {} : { target: { atMost }, met: figure.value <= atMost }),
    })),
  };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `soak-${queue}.json`), `${JSON.stringify(result, null, 2)}\n`);
}
