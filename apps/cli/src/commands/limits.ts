import type { BudgetAccount, BudgetUnit, Estimate, Limit } from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { findAgent } from '../records.ts';
import { count, usd } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';

export function addLimitsCommand(program: Command): void {
  program
    .command('limits')
    .description('How the budgets stand: used, of how much, and when they let go on')
    .addHelpText('after', '\nExample:\n  $ nightshift limits')
    .action(
      withCli(async (cli) => {
        const limits = await cli.client.budgets.limits();
        cli.print(limits, () => renderLimits(cli, limits));
      }),
    );
}

export function addEstimateCommand(program: Command): void {
  program
    .command('estimate')
    .description('What a run would use, before it is asked for. No model is called')
    .argument('<agent>', 'name or id')
    .argument('<text>', 'what would be said')
    .option('--conversation <id>', 'in this conversation; default a new one')
    .addHelpText('after', '\nExample:\n  $ nightshift estimate assistant "Sum up this month."')
    .action(
      withCli(async (cli, wanted: string, text: string, { conversation }: { conversation?: string }) => {
        const { id } = await findAgent(cli.client, wanted);
        const body = { text, ...(conversation && { conversationId: conversation }) };
        const estimate = await cli.client.budgets.estimate(id, body);
        cli.print(estimate, () => renderEstimate(cli, estimate));
      }),
    );
}

/** Of a budget, in its unit. */
export const amount = (value: string, unit: BudgetUnit): string =>
  unit === 'usd' ? usd(value) : `${count(Number(value))} ${unit}`;

const statePaints = { ok: 'green', warning: 'yellow', exceeded: 'red' } as const;

function renderLimits({ stdout }: Cli, limits: readonly Limit[]): string {
  if (limits.length === 0)
    return 'There is no budget: nothing limits what the agents use. Make one: nightshift budgets create --help\n';
  const rows = limits.flatMap(({ budget, accounts }) => accounts.map((account) => ({ budget, account })));
  const unused = limits.filter(({ accounts }) => accounts.length === 0);
  const shown = table(
    rows,
    [
      { header: 'BUDGET', value: ({ budget }) => budget.name, shrinks: true },
      { header: 'OF', value: ({ budget, account }) => whose(budget.scope, account), shrinks: true },
      { header: 'USED', value: ({ budget, account }) => amount(account.used, budget.unit), align: 'right' },
      { header: 'MAX', value: ({ budget, account }) => amount(account.max, budget.unit), align: 'right' },
      {
        header: '%',
        value: ({ account }) => `${account.percent}`,
        align: 'right',
        paint: (text, { account }) => stdout.style[statePaints[account.state]](text),
      },
      { header: 'WINDOW', value: ({ budget }) => budget.window, optional: true },
      { header: 'RESETS', value: ({ account }) => account.resetsAt ?? '-', optional: true },
    ],
    stdout,
  );
  const unpriced = rows.reduce((sum, { account }) => sum + account.unpriced, 0);
  const notes = [
    ...unused.map(({ budget }) => `Nothing of "${oneLine(budget.name)}" is used yet.`),
    ...limits.flatMap(({ budget, accounts, accountCount }) =>
      accountCount > accounts.length
        ? [`"${oneLine(budget.name)}" has ${count(accountCount)} accounts; these used most.`]
        : [],
    ),
    ...(unpriced > 0
      ? [`${count(unpriced)} calls could not be counted: their price or use is unknown.`]
      : []),
  ];
  return [rows.length > 0 ? shown : '', ...notes.map((note) => `${stdout.style.dim(note)}\n`)].join('');
}

const whose = (scope: string, { subject }: BudgetAccount): string =>
  subject ? (subject.name ?? `${subject.id} (deleted)`) : scope;

function renderEstimate({ stdout }: Cli, { inputTokens, outputTokens, targets }: Estimate): string {
  const { style } = stdout;
  const refusals = targets.flatMap(({ model, refusedBy }) =>
    refusedBy.map(({ limit, message }) =>
      style.red(`✗ ${oneLine(model)}: "${oneLine(limit)}". ${oneLine(message)}\n`),
    ),
  );
  return [
    `Up to ${count(inputTokens)} tokens in, ${count(outputTokens.low)} to ${count(outputTokens.high)} out, for the first call.\n\n`,
    table(
      targets,
      [
        { header: 'MODEL', value: ({ model }) => model, shrinks: true },
        {
          header: 'COST',
          value: ({ costUsd }) => (costUsd ? `${usd(costUsd.low)} to ${usd(costUsd.high)}` : 'unknown'),
          align: 'right',
        },
      ],
      stdout,
    ),
    ...refusals,
  ].join('');
}
