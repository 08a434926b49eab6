import type { UsageDimension, UsageReport, UsageRow, UsageSums } from '@nightshift/contracts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { findAgent } from '../records.ts';
import { instant } from '../since.ts';
import { count, usd } from '../terminal/format.ts';
import { type Column, table } from '../terminal/table.ts';

const dimensions: UsageDimension[] = [
  'agent',
  'member',
  'person',
  'channel',
  'schedule',
  'model',
  'provider',
  'day',
];

interface UsageOptions {
  by: string;
  since: string;
  until?: string;
  agent?: string;
  model?: string;
  timezone?: string;
  csv?: boolean;
}

/** Up to three dimensions, joined by commas. */
function grouping(value: string): string {
  const names = value.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(dimensions as string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There is no "${unknown}". There are: ${dimensions.join(', ')}.`);
  if (names.length > 3) throw new InvalidArgumentError('It may name at most three.');
  return names.join(',');
}

export function addUsageCommand(program: Command): void {
  program
    .command('usage')
    .description('What was used and what it cost, from the ledger')
    .addOption(
      new Option('--by <names>', `up to three of ${dimensions.join(', ')}`)
        .argParser(grouping)
        .default('agent,model'),
    )
    .addOption(
      new Option('--since <when>', '24h, 7d, or a date')
        .argParser((value) => instant(value))
        .default(instant('30d'), '30d'),
    )
    .addOption(new Option('--until <when>', 'likewise; default now').argParser((value) => instant(value)))
    .option('--agent <agent>', 'only that of this agent: name or id')
    .option('--model <model>', 'only that of this model, as provider/model')
    .option('--timezone <name>', 'whose days they are, e.g. Europe/Berlin; default UTC')
    .option('--csv', 'print the rows as CSV')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift usage --since 7d
  $ nightshift usage --by day,model --timezone Europe/Berlin
  $ nightshift usage --by member --csv > usage.csv`,
    )
    .action(withCli(report));
}

async function report(cli: Cli, options: UsageOptions): Promise<void> {
  const { client, stdout } = cli;
  const { by: groupBy, since: from, until: to, agent, model, timezone, csv } = options;
  const agentId = agent && (await findAgent(client, agent)).id;
  const query = { groupBy, from, to, agentId, model, timezone };
  if (csv) return stdout.write(await client.usage.csv(query));
  const usage = await client.usage.report(query);
  cli.print(usage, () => render(cli, usage));
}

function render({ stdout }: Cli, { groupBy, rows, totals, from }: UsageReport): string {
  if (totals.attempts === 0)
    return `Nothing was asked of a model since ${from?.slice(0, 10)}. Say something: nightshift chat\n`;
  const columns: Column<UsageRow>[] = [
    ...groupBy.map((name) => ({
      header: name.toUpperCase(),
      value: (row: UsageRow) => nameOf(row[name]),
      shrinks: true,
    })),
    { header: 'CALLS', value: ({ attempts }) => count(attempts), align: 'right' },
    { header: 'RUNS', value: ({ runs }) => count(runs), align: 'right', optional: true },
    { header: 'IN', value: ({ inputTokens }) => count(inputTokens), align: 'right', optional: true },
    { header: 'OUT', value: ({ outputTokens }) => count(outputTokens), align: 'right', optional: true },
    { header: 'COST', value: cost, align: 'right' },
  ];
  const { style } = stdout;
  const sum = `${several(totals.attempts, 'call')} in ${several(totals.runs, 'run')}, ${count(totals.inputTokens)} tokens in (${count(totals.cachedTokens)} cached), ${count(totals.outputTokens)} out: ${usd(totals.costUsd)}`;
  const lacks =
    totals.unpriced === 0
      ? ''
      : style.yellow(`\n! without ${several(totals.unpriced, 'call')} at an unknown price`);
  const guessed =
    totals.estimated === 0
      ? ''
      : style.yellow(
          `\n! with ${several(totals.estimated, 'call')} whose vendor did not say what was used: estimated`,
        );
  return `${table(rows, columns, stdout)}\n${style.bold(sum)}${lacks}${guessed}\n`;
}

const several = (number: number, what: string) => `${count(number)} ${what}${number === 1 ? '' : 's'}`;

/** A sum that lacks something says so. */
const cost = ({ costUsd, unpriced }: UsageSums): string =>
  unpriced === 0 ? usd(costUsd) : Number(costUsd) === 0 ? 'unknown' : `${usd(costUsd)} + ?`;

const nameOf = (value: UsageRow[UsageDimension]): string =>
  typeof value === 'string' ? value : value ? (value.name ?? `${value.id} (deleted)`) : '-';
