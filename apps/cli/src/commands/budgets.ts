import type { Budget, BudgetScope, BudgetUpdate } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { type ListOptions, withPages } from '../options.ts';
import { pick, shortId, takeAll, takeList, wholePages } from '../records.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';
import { amount } from './limits.ts';

const scopes: BudgetScope[] = ['team', 'member', 'agent', 'channel', 'schedule'];

interface BudgetOptions {
  name?: string;
  scope?: BudgetScope;
  of?: string;
  window?: Budget['window'];
  rolling?: boolean;
  timezone?: string;
  unit?: Budget['unit'];
  max?: string;
  action?: Budget['action'];
  downgradeTo?: string;
  allowUnpriced?: boolean;
  enabled?: boolean;
}

export function addBudgetCommands(program: Command): void {
  const budgets = program.command('budgets').description('Budgets: list, create, update, delete');

  withPages(budgets.command('list'))
    .description('List the budgets; "nightshift limits" says how they stand')
    .addHelpText('after', '\nExample:\n  $ nightshift budgets list')
    .action(withCli(list));

  withBudgetOptions(budgets.command('create'))
    .description('Make a budget')
    .argument('<name>')
    .addOption(new Option('--max <amount>', 'how much: USD, tokens or runs').makeOptionMandatory())
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift budgets create "Team, daily" --max 25 --window day --timezone Europe/Berlin
  $ nightshift budgets create "Each member" --scope member --window 5h --unit tokens --max 2000000 --action queue
  $ nightshift budgets create Reports --scope agent --of reporter --window month --max 50 \\
      --action downgrade --downgrade-to deepseek/deepseek-chat`,
    )
    .action(
      withCli(async (cli, name: string, options: BudgetOptions & { max: string }) => {
        const { scope = 'team', window = 'day', unit = 'usd', max } = options;
        const fields = await fieldsOf(cli, { ...options, scope });
        const budget = await cli.client.budgets.create({ ...fields, name, scope, window, unit, max });
        cli.print(budget, () => `The budget ${oneLine(budget.name)} holds: ${describe(budget)}.\n`);
      }),
    );

  withBudgetOptions(budgets.command('update'))
    .description('Change what is named of a budget, and nothing else')
    .argument('<budget>', 'name or id')
    .option('--name <name>', 'its new name')
    .option('--max <amount>', 'how much: USD, tokens or runs')
    .option('--enable', 'let it hold again')
    .option('--disable', 'let it hold nothing')
    .addHelpText('after', '\nExample:\n  $ nightshift budgets update "Team, daily" --max 40')
    .action(
      withCli(async (cli, wanted: string, options: BudgetOptions & { enable?: true; disable?: true }) => {
        const { enable, disable, ...rest } = options;
        const before = await findBudget(cli, wanted);
        const fields = await fieldsOf(cli, {
          ...rest,
          ...((enable || disable) && { enabled: enable === true }),
          ...(rest.of !== undefined && { scope: rest.scope ?? before.scope }),
        });
        if (Object.keys(fields).length === 0) throw new CliError('usage', 'Name something to change.');
        const budget = await cli.client.budgets.update(before.id, fields);
        cli.print(budget, () => `The budget ${oneLine(budget.name)} holds: ${describe(budget)}.\n`);
      }),
    );

  budgets
    .command('delete')
    .description('Delete a budget; runs that wait for it go on')
    .argument('<budget>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift budgets delete "Team, daily"')
    .action(
      withCli(async (cli, wanted: string) => {
        const { id, name } = await findBudget(cli, wanted);
        await cli.client.budgets.delete(id);
        cli.print({ id, deleted: true }, () => `The budget ${oneLine(name)} is deleted.\n`);
      }),
    );
}

const withBudgetOptions = (command: Command) =>
  command
    .addOption(new Option('--scope <scope>', 'whose use counts; default team').choices(scopes))
    .option(
      '--of <name>',
      'the one agent, member (API key), channel or schedule; default each on its own account',
    )
    .addOption(new Option('--window <window>', 'default day').choices(['5h', 'day', 'week', 'month']))
    .option('--rolling', 'the last so many hours; default the calendar, and 5h always rolls')
    .option('--timezone <name>', 'whose calendar it is, e.g. Europe/Berlin; default UTC')
    .addOption(new Option('--unit <unit>', 'default usd').choices(['usd', 'tokens', 'runs']))
    .addOption(
      new Option('--action <action>', 'when it is used up; default stop').choices([
        'stop',
        'queue',
        'downgrade',
      ]),
    )
    .option('--downgrade-to <model>', 'provider/model to go on with')
    .option('--allow-unpriced', 'let models pass whose price is unknown');

/** What the options set, nothing else, so that an update leaves the rest as it is. */
async function fieldsOf(cli: Cli, { of, ...options }: BudgetOptions): Promise<BudgetUpdate> {
  const scopeId = of === undefined ? undefined : await findSubject(cli, options.scope ?? 'team', of);
  return Object.fromEntries(
    Object.entries({ ...options, scopeId }).filter(([, value]) => value !== undefined),
  );
}

/** The id of what a budget is to be for. */
async function findSubject({ client }: Cli, scope: BudgetScope, wanted: string): Promise<string> {
  const named = { kind: scope, namesOf: ({ name }: { name: string }) => [name] };
  switch (scope) {
    case 'agent':
      return pick(await takeAll(client.agents.list(wholePages)), wanted, named).id;
    case 'member':
      return pick(await takeAll(client.apiKeys.list(wholePages)), wanted, named).id;
    case 'schedule':
      return pick(await takeAll(client.schedules.list(wholePages)), wanted, named).id;
    case 'channel':
      return pick(await takeAll(client.channels.list(wholePages)), wanted, {
        kind: 'channel',
        namesOf: ({ name, kind }) => [name, kind],
      }).id;
    case 'team':
      throw new CliError('usage', 'A budget of the team is for all of it: --of needs another --scope.');
  }
}

const findBudget = async ({ client }: Cli, wanted: string): Promise<Budget> =>
  pick(await takeAll(client.budgets.list(wholePages)), wanted, {
    kind: 'budget',
    namesOf: ({ name }) => [name],
  });

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const items = await takeList(cli, (page) => cli.client.budgets.list(page), options);
  cli.print(items, () =>
    items.length === 0
      ? 'There is no budget. Make one: nightshift budgets create --help\n'
      : table(
          items,
          [
            { header: 'NAME', value: ({ name }) => name, shrinks: true },
            { header: 'SCOPE', value: scopeOf },
            { header: 'MAX', value: ({ max, unit }) => amount(max, unit), align: 'right' },
            { header: 'WINDOW', value: windowOf, shrinks: true },
            { header: 'THEN', value: thenOf, shrinks: true },
            { header: 'HOLDS', value: ({ enabled }) => (enabled ? 'yes' : 'no'), optional: true },
            {
              header: 'ID',
              value: ({ id }) => shortId(id, cli.stdout),
              paint: cli.stdout.style.dim,
              optional: true,
            },
          ],
          cli.stdout,
        ),
  );
}

const scopeOf = ({ scope, scopeId }: Budget) =>
  scope === 'team' ? 'team' : `${scopeId ? 'one' : 'each'} ${scope}`;
const windowOf = ({ window, rolling, timezone }: Budget) =>
  rolling ? `${window}, rolling` : `${window} (${timezone})`;
const thenOf = ({ action, downgradeTo }: Budget) =>
  downgradeTo ? `${action} to ${oneLine(downgradeTo)}` : action;
const describe = (budget: Budget) =>
  budget.enabled
    ? `${amount(budget.max, budget.unit)} for ${scopeOf(budget)}, ${windowOf(budget)}, then ${thenOf(budget)}`
    : 'nothing, since it is disabled';
