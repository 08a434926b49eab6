/** How late schedules are: a thousand of them spread over time, and a thousand on one instant. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Schedule, ScheduleFire } from '@nightshift/contracts';
import type { Bench, Context, Figure } from './lib/bench.ts';
import { type Client, expectStatus } from './lib/client.ts';
import { closedLoop } from './lib/load.ts';
import { startModel } from './lib/model-server.ts';
import { createEchoAgent, setup, startNightshift } from './lib/nightshift.ts';
import { percentile } from './lib/statistics.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const workers = 2;
const count = 1000;
const everySeconds = 10;
const measuredSeconds = 20;
const settleTimeoutMs = 60_000;

export const schedules: Bench = {
  name: 'schedules',
  about: '1,000 schedules on 2 workers: how long after its time a slot is taken up, and that none is lost',
  against: `${setup.replace('one worker process', `${workers} worker processes`)} Each slot is a run with a reply.`,
  async run({ resources, log }) {
    const model = await startModel(resources);
    const { client } = await startNightshift(resources, { data: temporaryDirectory(resources), workers });
    const agentId = await createEchoAgent(client, model);

    log(`${count} schedules, each every ${everySeconds} s, for ${measuredSeconds} s …`);
    const began = performance.now();
    const spread = await create(client, { agentId, everySeconds });
    const createMs = performance.now() - began;
    await sleep(measuredSeconds * 1000);
    await closedLoop({ concurrency: 8, count, maxSeconds: 60 }, async (index) => {
      expectStatus(await client.patch(`/v1/schedules/${spread[index]!.id}`, { status: 'paused' }), 200);
    });
    const spreadFires = await settle(client, spread, log);

    log(`${count} schedules at one instant …`);
    const at = new Date(Date.now() + 10_000 + 2 * createMs).toISOString();
    const together = await create(client, { agentId, at });
    await sleep(Date.parse(at) - Date.now());
    return [
      ...drift('spread', `${count} schedules every ${everySeconds} s`, spreadFires),
      ...drift('together', `${count} schedules at once`, await settle(client, together, log)),
    ];
  },
};

async function create(client: Client, timing: object): Promise<Schedule[]> {
  const made: Schedule[] = [];
  await closedLoop({ concurrency: 8, count, maxSeconds: 60 }, async (index) => {
    const schedule = { name: `Bench ${index}`, prompt: 'Say it.', ...timing };
    made.push(expectStatus(await client.post('/v1/schedules', schedule), 201));
  });
  if (made.length < count) throw new Error(`Only ${made.length} schedules were made in time.`);
  return made;
}

/** Waits until every fire has its run. @throws when a slot is missing, or has two fires or two runs */
async function settle(
  client: Client,
  made: readonly Schedule[],
  log: Context['log'],
): Promise<ScheduleFire[]> {
  const deadline = Date.now() + settleTimeoutMs;
  const all: ScheduleFire[] = [];
  const read = async ({ id }: Schedule): Promise<ScheduleFire[]> =>
    expectStatus(await client.get(`/v1/schedules/${id}/fires`), 200).data;
  await closedLoop({ concurrency: 8, count: made.length, maxSeconds: settleTimeoutMs }, async (index) => {
    const schedule = made[index]!;
    let fires = await read(schedule);
    while (fires.length === 0 || fires.some(({ status }) => status === 'due')) {
      if (Date.now() > deadline) throw new Error('What is due has no runs in time.');
      await sleep(250);
      fires = await read(schedule);
    }
    assertComplete(schedule, fires);
    all.push(...fires);
  });
  const runs = all.flatMap(({ runId }) => runId ?? []);
  if (new Set(runs).size !== runs.length) throw new Error('Two fires share a run.');
  const overlapping = all.length - runs.length;
  log(`${all.length} fires, ${runs.length} runs, ${overlapping} skipped while the run before was going`);
  return all;
}

/** From its first slot on, each slot is in one fire. */
function assertComplete({ id, nextFires, everySeconds }: Schedule, fires: readonly ScheduleFire[]): void {
  let slot = Date.parse(nextFires[0]!.at);
  for (const fire of fires.toReversed()) {
    const last = slot + (fire.slots - 1) * (everySeconds ?? 0) * 1000;
    if (Date.parse(fire.fireAt) !== last)
      throw new Error(`Schedule ${id} lost or doubled the slot ${fire.fireAt}.`);
    slot = last + (everySeconds ?? 0) * 1000;
  }
}

function drift(id: string, label: string, fires: readonly ScheduleFire[]): Figure[] {
  const values = fires.map(({ driftMs }) => driftMs);
  return [50, 99, 100].map((percent) => ({
    id: `schedules.${id}.drift.p${percent}`,
    label: `${label}: drift ${percent === 100 ? 'max' : `p${percent}`}`,
    value: percentile(values, percent),
    unit: 'ms',
  }));
}
