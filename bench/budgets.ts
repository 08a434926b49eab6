/**
 * What budgets cost: reserving before a call, and counting after it, compared with the same connection pool's trivial
 * statement, turn by turn, so that whatever else the machine does meets both.
 */
import { join } from 'node:path';
import { createBudget, reserveAttempt } from '@nightshift/core/budgets';
import {
  applyMigrations,
  type Database,
  migrationsDirectory,
  newId,
  openDatabase,
  run,
  statement,
} from '@nightshift/core/database';
import { startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import type { Bench, Figure } from './lib/bench.ts';
import { closedLoop } from './lib/load.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

/** As a worker has them for what need not be durable. */
const connections = 6;
const warmUpRounds = 3;
const rounds = 20;
const count = 300;
const maxSeconds = 60;

const trivial = statement('SELECT 1 AS one');

// As the journal writes a row of the ledger (packages/core/src/runs/journal.ts), by itself.
const account = statement(`
  INSERT INTO usage_entry (id, team_id, agent_id, run_id, runs, provider, model, wire, outcome, input_tokens, output_tokens,
    cost_usd, duration_ms, started_at)
  VALUES ($1, $2, $3, $4, 0, 'bench', 'echo', 'openai-chat', 'ok', 1000, 100, 0.000001, 1, now())`);

interface Place {
  teamId: string;
  agentId: string;
  runIds: string[];
}

export const budgets: Bench = {
  name: 'budgets',
  about:
    'reserving a call in three budgets, alone and at once, and what the ledger costs with budgets and without',
  against:
    'A trivial statement on the same pool of the same process, alternating; commits are not waited for. The three budgets have ' +
    'full windows of 60 slots.',
  async run({ resources, log }) {
    const db = await openBenchDatabase(resources);
    const none = await addPlace(db);
    const three = await addPlace(db);
    await addBudgets(db, three);

    const ask = async () => void (await run(db.relaxed, trivial));
    const reserve = async (index: number) => {
      const runId = three.runIds[index % three.runIds.length]!;
      const admission = await reserveAttempt(db, {
        runId,
        stepIndex: 0,
        model: 'bench/echo',
        costUsd: '0.01',
        tokens: 1000,
        passed: [],
      });
      if (admission.refused) throw new Error(admission.refused.message);
    };
    const figures: Figure[] = [];
    for (const concurrency of [1, connections]) {
      log(`reserving, ${concurrency} at once …`);
      const [bare, reserved] = await alternate(concurrency, [ask, reserve]);
      const at = `${concurrency} at once`;
      figures.push(
        ...percentiles(`budgets.at-${concurrency}.trivial`, `trivial statement, ${at}`, bare!),
        ...percentiles(`budgets.at-${concurrency}.reserve`, `reservation, ${at}`, reserved!),
      );
    }
    log('writing the ledger …');
    const write =
      ({ teamId, agentId, runIds }: Place) =>
      async () =>
        void (await run(db.relaxed, account, [newId(), teamId, agentId, runIds[0]]));
    const uncounted = async () => {
      await db.pool.query('ALTER TABLE usage_entry DISABLE TRIGGER usage_entry_charge_budgets');
      return () => db.pool.query('ALTER TABLE usage_entry ENABLE TRIGGER usage_entry_charge_budgets');
    };
    const [bare, without, counted] = await alternate(
      1,
      [write(none), write(none), write(three)],
      [uncounted],
    );
    return [
      ...figures,
      ...percentiles('budgets.ledger.bare', 'row of the ledger, not counted', bare!),
      ...percentiles('budgets.ledger.none', 'row of the ledger, no budget', without!),
      ...percentiles('budgets.ledger.three', 'row of the ledger, three budgets', counted!),
    ];
  },
};

type Setup = () => Promise<() => Promise<unknown>>;

/** The latencies of each call, round by round in turn. `setups`: around the rounds of the call at the same place. */
async function alternate(
  concurrency: number,
  calls: readonly ((index: number) => Promise<void>)[],
  setups: readonly Setup[] = [],
): Promise<number[][]> {
  const latencies: number[][] = calls.map(() => []);
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (const [at, call] of calls.entries()) {
      const undo = await setups[at]?.();
      const load = await closedLoop({ concurrency, count, maxSeconds }, call);
      await undo?.();
      if (round >= 0) latencies[at]!.push(...load.latencies);
    }
  }
  return latencies;
}

const percentiles = (id: string, label: string, latencies: readonly number[]): Figure[] =>
  [50, 99].map((percent) => ({
    id: `${id}.p${percent}`,
    label: `${label}: p${percent}`,
    value: percentile(latencies, percent),
    unit: 'ms',
  }));

async function openBenchDatabase(resources: AsyncDisposableStack): Promise<Database> {
  const postgres = await startEmbeddedPostgres({
    directory: join(temporaryDirectory(resources), 'postgres'),
  });
  resources.defer(() => postgres.stop());
  await applyMigrations(postgres.url, { directory: migrationsDirectory });
  const db = openDatabase({
    url: postgres.url,
    poolSize: 2,
    relaxedPoolSize: connections,
    applicationName: 'nightshift bench',
    onConnectionError: () => {},
  });
  resources.defer(() => db.close());
  return db;
}

/** A team with an agent, and runs of it that are under way. */
async function addPlace(db: Database): Promise<Place> {
  const [teamId, agentId] = [newId(), newId()];
  await db.prisma.team.create({ data: { id: teamId, name: 'bench' } });
  await db.prisma.agent.create({
    data: {
      id: agentId,
      teamId,
      name: 'bench',
      instructions: '',
      model: 'bench/echo',
      tools: {},
      limits: {},
    },
  });
  const runIds = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const [conversationId, id] = [newId(), newId()];
      await db.prisma.conversation.create({ data: { id: conversationId, teamId, agentId } });
      await db.prisma.run.create({
        data: { id, teamId, agentId, conversationId, trigger: 'api', status: 'running' },
      });
      return id;
    }),
  );
  return { teamId, agentId, runIds };
}

/** Of the team and of each agent; what was used before fills every slot. */
async function addBudgets(db: Database, { teamId, agentId }: Place): Promise<void> {
  await db.pool.query(
    `INSERT INTO usage_entry (id, team_id, agent_id, provider, model, wire, outcome, input_tokens, output_tokens, cost_usd,
       duration_ms, started_at, created_at)
     SELECT uuidv7(), $1, $2, 'bench', 'echo', 'openai-chat', 'ok', 1000, 100, 0.01, 1, now(), now() - age * interval '5 minutes'
     FROM generate_series(0, 8640) AS age`,
    [teamId, agentId],
  );
  const common = {
    scopeId: null,
    rolling: true,
    timezone: 'UTC',
    action: 'stop',
    downgradeTo: null,
    allowUnpriced: false,
    enabled: true,
  } as const;
  const large = '1000000000000';
  await createBudget(db, teamId, {
    ...common,
    name: 'a',
    scope: 'team',
    window: '5h',
    unit: 'usd',
    max: large,
  });
  await createBudget(db, teamId, {
    ...common,
    name: 'b',
    scope: 'agent',
    window: 'month',
    unit: 'usd',
    max: large,
  });
  await createBudget(db, teamId, {
    ...common,
    name: 'c',
    scope: 'team',
    window: 'week',
    unit: 'tokens',
    max: large,
  });
  await db.pool.query('ANALYZE');
}
