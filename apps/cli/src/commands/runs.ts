import type { Run, RunStatus, RunTrigger } from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { exitCodes } from '../failure.ts';
import { type ListOptions, several, withPages, withTimes } from '../options.ts';
import { findAgent, shortId, takeList } from '../records.ts';
import { ago, count, took, usd } from '../terminal/format.ts';
import { paintStatus } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

const statuses: RunStatus[] = ['queued', 'running', 'succeeded', 'failed', 'cancelled'];

/** Lines of one text of the journal that are shown without `--full`. */
const shortLines = 20;

const triggers: RunTrigger[] = ['api', 'schedule', 'message'];

interface RunListOptions extends ListOptions {
  agent?: string;
  conversation?: string;
  channel?: string;
  schedule?: string;
  person?: string;
  status?: RunStatus[];
  trigger?: RunTrigger[];
  from?: string;
  to?: string;
}

export function addRunCommands(program: Command): void {
  const runs = program.command('runs').description('Runs: list, show, cancel, retry');

  withTimes(withPages(runs.command('list'), 20), 'made')
    .description('List runs, newest first')
    .option('--agent <agent>', 'only those of this agent: name or id')
    .option('--conversation <id>', 'only those of this conversation')
    .option('--channel <channel>', 'only those of this channel: name or id')
    .option('--schedule <schedule>', 'only those of this schedule: name or id')
    .option('--person <person>', 'only those that this person caused: name or id')
    .addOption(several('--status <status>', 'only those', statuses))
    .addOption(several('--trigger <trigger>', 'only what came so: api, schedule, message', triggers))
    .addHelpText(
      'after',
      '\nExample:\n  $ nightshift runs list --status failed,cancelled --from 2d --limit 5',
    )
    .action(withCli(list));

  runs
    .command('show')
    .description('Show what a run did, step by step')
    .argument('<id>')
    .option('--follow', 'watch it until it ends; with --json its events, one a line')
    .option('--full', `show texts whole, not only their first ${shortLines} lines`)
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift runs show 0199c1d2-…
  $ nightshift runs show 0199c1d2-… --follow`,
    )
    .action(
      withCli(async (cli, id: string, options: { follow?: boolean; full?: boolean }) =>
        options.follow
          ? follow(cli, id)
          : show(cli, id, options.full ? Number.POSITIVE_INFINITY : shortLines),
      ),
    );

  runs
    .command('cancel')
    .description('Stop a run')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ nightshift runs cancel 0199c1d2-…')
    .action(
      withCli(async (cli, id: string) => {
        const run = await cli.client.runs.cancel(id);
        cli.print(run, () =>
          run.status === 'cancelled'
            ? 'The run is cancelled.\n'
            : 'The run was told to stop, and does within seconds.\n',
        );
      }),
    );

  runs
    .command('retry')
    .description('Go on with a failed or cancelled run after its last finished step')
    .argument('<id>')
    .addHelpText(
      'after',
      '\nExample:\n  $ nightshift runs retry 0199c1d2-… && nightshift runs show 0199c1d2-… --follow',
    )
    .action(
      withCli(async (cli, id: string) => {
        const run = await cli.client.runs.retry(id);
        cli.print(run, () => `Attempt ${run.attempt} of the run is ${run.status}.\n`);
      }),
    );
}

async function list(cli: Cli, options: RunListOptions): Promise<void> {
  const { client, stdout } = cli;
  const { status, trigger, from, to, conversation: conversationId } = options;
  const { channel: channelId, schedule: scheduleId, person: personId } = options;
  const agentId = options.agent && (await findAgent(client, options.agent)).id;
  const filters = { status, trigger, from, to, conversationId, channelId, scheduleId, personId, agentId };
  const items = await takeList(cli, (page) => client.runs.list({ ...page, ...filters }), options);
  cli.print(items, () =>
    table<Run>(
      items,
      [
        { header: 'ID', value: ({ id }) => shortId(id, stdout) },
        {
          header: 'STATUS',
          value: ({ status }) => status,
          paint: (text, { status }) => paintStatus(stdout.style, status, text),
        },
        { header: 'AGENT', value: ({ agent }) => agent.name, shrinks: true },
        { header: 'CREATED', value: ({ createdAt }) => ago(createdAt) },
        {
          header: 'TOOK',
          value: ({ startedAt, endedAt }) => took(startedAt, endedAt),
          align: 'right',
          optional: true,
        },
        { header: 'COST', value: ({ usage }) => usd(usage.costUsd), align: 'right', optional: true },
        {
          header: 'TOKENS',
          value: ({ usage }) => count(usage.inputTokens + usage.outputTokens),
          align: 'right',
          optional: true,
        },
        { header: 'MODEL', value: ({ model }) => model ?? '-', shrinks: true, optional: true },
      ],
      stdout,
    ),
  );
}

async function show(cli: Cli, id: string, maxLines: number): Promise<number> {
  const { client, stdout } = cli;
  const [run, steps] = await Promise.all([client.runs.get(id), client.runs.steps(id)]);
  const agentName = run.agent.name;
  const { renderJournal } = await import('../journal.ts');
  cli.print({ ...run, steps }, () => renderJournal(run, steps, { style: stdout.style, agentName, maxLines }));
  return exitCodes.ok;
}

/** Ends with 1 when the run did not succeed. */
async function follow(cli: Cli, id: string): Promise<number> {
  const { client, stdout } = cli;
  const { createRunPrinter } = await import('../run-printer.ts');
  const printer = createRunPrinter(stdout);
  let status: string | undefined;
  try {
    for await (const numbered of client.runs.events(id)) {
      if (cli.json) cli.printLine(numbered);
      else printer.print(numbered.event);
      if (numbered.event.type === 'run.finished') status = numbered.event.status;
    }
  } finally {
    if (!cli.json) printer.close();
  }
  if (!cli.json) {
    const { renderRun } = await import('../journal.ts');
    const run = await client.runs.get(id);
    const agentName = run.agent.name;
    stdout.write(`\n${renderRun(run, { style: stdout.style, agentName, maxLines: shortLines })}`);
  }
  return status === 'succeeded' ? exitCodes.ok : exitCodes.failed;
}
