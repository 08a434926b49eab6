import { constants } from 'node:os';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { accept } from './accept.ts';
import { budgets } from './budgets.ts';
import { channels } from './channels.ts';
import { install } from './install.ts';
import type { Bench, Figure } from './lib/bench.ts';
import { peers } from './lib/goals.ts';
import { currentCommit, describeMachine, measureSync } from './lib/machine.ts';
import { formatTable, writeResult } from './lib/report.ts';
import { temporaryDirectory } from './lib/temporary.ts';
import { memory } from './memory.ts';
import { replies } from './replies.ts';
import { router } from './router.ts';
import { schedules } from './schedules.ts';
import { start } from './start.ts';
import { text } from './text.ts';

const benches: readonly Bench[] = [
  start,
  replies,
  accept,
  channels,
  memory,
  router,
  budgets,
  schedules,
  text,
  install,
];

const usage = `Usage: npm run bench [-- options] [NAME …]

Measures this checkout as it stands, prints a table, and writes bench/results/NAME.json. Without names all of these:

${benches.map(({ name, about }) => `  ${name.padEnd(9)} ${about}`).join('\n')}

Options:
  --skip NAME   leave one out; may be repeated
  --help        show this text

Everything runs on this machine, on loopback and in temporary directories (TMPDIR), and is gone afterwards.
`;

/** Gives back what the benchmark under way holds: its processes and directories. */
let release = async () => {};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, async () => {
    // What the benchmark meets while everything under it goes away is no news.
    process.on('uncaughtException', () => {});
    console.error('\nstopping …');
    await release();
    process.exit(128 + constants.signals[signal]);
  });
}

const selection = select(process.argv.slice(2));
if (typeof selection === 'string') {
  console.error(`${selection}\n\n${usage}`);
  process.exitCode = 2;
} else if (selection === null) {
  console.log(usage);
} else {
  try {
    await runAll(selection);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

/** The benches to run; null: help was asked for; a string: what is wrong. */
function select(args: string[]): Bench[] | null | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        skip: { type: 'string', multiple: true, default: [] },
      },
    });
    if (values.help) return null;
    const known = benches.map(({ name }) => name);
    const unknown = [...positionals, ...values.skip].find((name) => !known.includes(name));
    if (unknown !== undefined) return `There is no benchmark "${unknown}".`;
    return benches.filter(
      ({ name }) => (positionals.length === 0 || positionals.includes(name)) && !values.skip.includes(name),
    );
  } catch (error) {
    return (error as Error).message;
  }
}

async function runAll(selected: readonly Bench[]): Promise<void> {
  const figures: Figure[] = [];
  for (const bench of selected) {
    console.log(`\n${bench.name}`);
    const measured = await runOne(bench);
    if (measured.length === 0) continue;
    console.log(`\n${formatTable(measured)}`);
    figures.push(...measured);
  }
  if (selected.length > 1) console.log(`\n\n${formatTable(figures)}`);
  console.log(`\n${peers.join('\n')}\nProduct, model and load share this one machine.`);
}

async function runOne(bench: Bench): Promise<Figure[]> {
  const resources = new AsyncDisposableStack();
  let released: Promise<void> | undefined;
  // Once, whether the benchmark ends or a signal does; both wait for it.
  release = () => (released ??= resources.disposeAsync());
  try {
    const circumstances = {
      commit: currentCommit(),
      machine: describeMachine(),
      syncMs: Number(measureSync(temporaryDirectory(resources)).toFixed(3)),
    };
    const figures = await bench.run({ resources, log: (line) => console.log(`  ${line}`) });
    if (figures.length > 0) {
      console.log(`  wrote ${relative(process.cwd(), writeResult(bench, figures, circumstances))}`);
    }
    return figures;
  } finally {
    await release();
  }
}
