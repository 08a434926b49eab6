import type { Schedule, ScheduleFire, ScheduleUpdate } from '@nightshift/contracts';
import { ApiError } from '@nightshift/contracts/client';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { integer, type ListOptions, several, withPages } from '../options.ts';
import { findAgent, pick, shortId, take, takeAll, takeList, wholePages } from '../records.ts';
import { ago, duration } from '../terminal/format.ts';
import { paintStatus } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { indent, oneLine, printable } from '../terminal/text.ts';
import { readDeliverTo } from './channel-places.ts';

interface ScheduleOptions {
  name?: string;
  prompt?: string;
  cron?: string;
  every?: number;
  at?: string;
  timezone?: string;
  misfire?: Schedule['misfire'];
  overlap?: Schedule['overlap'];
  jitter?: number;
  to?: string;
  deliverTo?: string;
}

interface ScheduleListOptions extends ListOptions {
  agent?: string;
  channel?: string;
  status?: Schedule['status'][];
}

export function addScheduleCommands(program: Command): void {
  const schedules = program
    .command('schedules')
    .description('Schedules: list, show, create, update, pause, resume, run, delete');

  withPages(schedules.command('list'))
    .description('List the schedules, newest first')
    .option('--agent <agent>', 'only those of this agent: name or id')
    .option('--channel <channel>', 'only those whose answers go there: name or id')
    .addOption(several('--status <status>', 'only those', ['active', 'paused', 'finished']))
    .addHelpText('after', '\nExample:\n  $ nightshift schedules list --status paused')
    .action(withCli(list));

  schedules
    .command('show')
    .description('Show a schedule, its next slots and what became of the last ones')
    .argument('<schedule>', 'name or id')
    .addOption(new Option('--limit <n>', 'how many past slots').argParser(integer).default(10))
    .addHelpText('after', '\nExample:\n  $ nightshift schedules show "Morning brief"')
    .action(withCli(show));

  withScheduleOptions(schedules.command('create'))
    .description('Make a schedule: give one of --cron, --every and --at')
    .argument('<agent>', 'who is told: name or id')
    .argument('<name>')
    .requiredOption('--prompt <text>', 'what the agent is told at each slot')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift schedules create assistant "Morning brief" --cron "0 8 * * MON-FRI" --timezone Europe/Berlin \\
      --prompt "Sum up what is new." --deliver-to "Slack:#sales"
  $ nightshift schedules create assistant Ping --every 3600 --prompt "Check that the site answers."`,
    )
    .action(
      withCli(async (cli, agent: string, name: string, options: ScheduleOptions & { prompt: string }) => {
        const { id: agentId } = await findAgent(cli.client, agent);
        const { prompt } = options;
        const schedule = await cli.client.schedules.create({
          ...(await fieldsOf(cli, options)),
          agentId,
          name,
          prompt,
        });
        cli.print(schedule, () => describeSchedule(cli, schedule));
      }),
    );

  withScheduleOptions(schedules.command('update'))
    .description('Change what is named of a schedule, and nothing else')
    .argument('<schedule>', 'name or id')
    .option('--name <name>', 'its new name')
    .option('--prompt <text>', 'what the agent is told at each slot')
    .addHelpText('after', '\nExample:\n  $ nightshift schedules update "Morning brief" --cron "0 9 * * *"')
    .action(
      withCli(async (cli, wanted: string, options: ScheduleOptions) => {
        const fields = await fieldsOf(cli, options);
        if (Object.keys(fields).length === 0) throw new CliError('usage', 'Name something to change.');
        await change(cli, wanted, fields);
      }),
    );

  for (const [verb, status, description] of [
    ['pause', 'paused', 'Pause a schedule'],
    ['resume', 'active', 'Go on with a paused schedule, from now on'],
  ] as const) {
    schedules
      .command(verb)
      .description(description)
      .argument('<schedule>', 'name or id')
      .addHelpText('after', `\nExample:\n  $ nightshift schedules ${verb} "Morning brief"`)
      .action(withCli((cli, wanted: string) => change(cli, wanted, { status })));
  }

  schedules
    .command('run')
    .description('Run a schedule now; its next slot stays')
    .argument('<schedule>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift schedules run "Morning brief"')
    .action(
      withCli(async (cli, wanted: string) => {
        const { id } = await findSchedule(cli, wanted);
        const fire = await cli.client.schedules.run(id);
        cli.print(fire, () =>
          fire.runId
            ? `Run ${fire.runId} is ${fire.runStatus}. Watch it: nightshift runs show ${fire.runId} --follow\n`
            : `No run: ${oneLine(fire.reason ?? 'it is being opened')}\n`,
        );
      }),
    );

  schedules
    .command('delete')
    .description('Delete a schedule; its runs and conversation stay readable')
    .argument('<schedule>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift schedules delete "Morning brief"')
    .action(
      withCli(async (cli, wanted: string) => {
        const { id, name } = await findSchedule(cli, wanted);
        await cli.client.schedules.delete(id);
        cli.print({ id, deleted: true }, () => `The schedule ${oneLine(name)} is deleted.\n`);
      }),
    );
}

const withScheduleOptions = (command: Command) =>
  command
    .addOption(
      new Option('--cron <expression>', 'minute hour day month weekday, or @daily').conflicts([
        'every',
        'at',
      ]),
    )
    .addOption(new Option('--every <seconds>', 'again and again').argParser(integer).conflicts('at'))
    .option('--at <time>', 'once, e.g. 2027-01-31T08:00:00+01:00')
    .option('--timezone <name>', 'in whose clock cron is read, e.g. Europe/Berlin; default UTC')
    .addOption(
      new Option('--misfire <rule>', 'slots missed while no worker ran; default once').choices([
        'skip',
        'once',
        'all',
      ]),
    )
    .addOption(
      new Option('--overlap <rule>', 'a slot while the last run still goes; default skip').choices([
        'skip',
        'queue',
      ]),
    )
    .option('--jitter <seconds>', 'up to this much after each slot', integer)
    .addOption(
      new Option(
        '--to <conversation>',
        'id of the conversation for the answers; default one of its own',
      ).conflicts('deliverTo'),
    )
    .option(
      '--deliver-to <channel:place>',
      'where the answers go: "Slack:#sales", "Email:ann@example.org"; a channel alone asks',
    );

/** What the options set, nothing else, so that an update leaves the rest as it is. */
async function fieldsOf(cli: Cli, options: ScheduleOptions): Promise<ScheduleUpdate> {
  const { every, jitter, to, deliverTo, name, prompt, cron, at, timezone, misfire, overlap } = options;
  const fields = {
    name,
    prompt,
    cron,
    everySeconds: every,
    at,
    timezone,
    misfire,
    overlap,
    jitterSeconds: jitter,
  };
  return {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    ...(to !== undefined && { deliverTo: { conversationId: to } }),
    ...(deliverTo !== undefined && { deliverTo: await readDeliverTo(cli, deliverTo) }),
  };
}

/**
 * As the server finds it, which knows of several who may have the name: one that is finished has given it back. Else by
 * a name in other letter case.
 */
async function findSchedule({ client }: Cli, wanted: string): Promise<Schedule> {
  try {
    return await client.schedules.get(wanted);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  return pick(await takeAll(client.schedules.list(wholePages)), wanted, {
    kind: 'schedule',
    namesOf: ({ name }) => [name],
  });
}

async function change(cli: Cli, wanted: string, fields: ScheduleUpdate): Promise<void> {
  const { id } = await findSchedule(cli, wanted);
  const schedule = await cli.client.schedules.update(id, fields);
  cli.print(schedule, () => describeSchedule(cli, schedule));
}

async function list(
  cli: Cli,
  { agent, channel: channelId, status, ...options }: ScheduleListOptions,
): Promise<void> {
  const { client, stdout } = cli;
  const agentId = agent && (await findAgent(client, agent)).id;
  const items = await takeList(
    cli,
    (page) => client.schedules.list({ ...page, agentId, channelId, status }),
    options,
  );
  cli.print(items, () =>
    items.length === 0
      ? 'There is no schedule. Make one: nightshift schedules create --help\n'
      : table(
          items,
          [
            { header: 'NAME', value: ({ name }) => name, shrinks: true },
            {
              header: 'STATUS',
              value: ({ status }) => status,
              paint: (text, { status }) => paintStatus(stdout.style, status, text),
            },
            { header: 'WHEN', value: timing, shrinks: true },
            { header: 'NEXT', value: ({ nextFires }) => nextFires[0]?.local ?? '-' },
            { header: 'AGENT', value: ({ agent }) => agent.name, optional: true },
            { header: 'TO', value: targetOf, shrinks: true, optional: true },
            { header: 'ID', value: ({ id }) => shortId(id, stdout), paint: stdout.style.dim, optional: true },
          ],
          stdout,
        ),
  );
}

async function show(cli: Cli, wanted: string, { limit }: { limit: number }): Promise<void> {
  const { client, stdout } = cli;
  const schedule = await findSchedule(cli, wanted);
  const { items } = await take((page) => client.schedules.fires(schedule.id, page), limit);
  cli.print({ ...schedule, fires: items }, () => {
    const history = table<ScheduleFire>(
      items,
      [
        { header: 'SLOT', value: ({ fireAt }) => fireAt },
        {
          header: 'OUTCOME',
          value: outcome,
          paint: (text, fire) => paintStatus(stdout.style, outcome(fire), text),
        },
        {
          header: 'LATE',
          value: ({ driftMs }) => duration(Math.max(0, driftMs)),
          align: 'right',
          optional: true,
        },
        { header: 'RUN', value: ({ runId }) => (runId ? shortId(runId, stdout) : '-'), optional: true },
        { header: 'SENT', value: ({ delivery }) => delivery?.status ?? '-', optional: true },
        {
          header: 'NOTE',
          value: ({ manual, reason, delivery }) =>
            reason ?? delivery?.error?.message ?? (manual ? 'run by hand' : ''),
          shrinks: true,
        },
      ],
      stdout,
    );
    return `${describeSchedule(cli, schedule)}${items.length > 0 ? `\n${history}` : ''}`;
  });
}

/** The place that answers go to, as people know it. */
const targetOf = ({ deliverTo }: Schedule): string =>
  deliverTo?.channel
    ? `${deliverTo.channel.name}: ${deliverTo.place?.name ?? deliverTo.place?.address ?? ''}`
    : '-';

const outcome = ({ status, runStatus }: ScheduleFire): string => runStatus ?? status;

const timing = ({ cron, everySeconds, at, timezone }: Schedule): string =>
  cron !== null
    ? `${cron} (${timezone})`
    : everySeconds !== null
      ? `every ${everySeconds} s`
      : `once at ${at}`;

function describeSchedule({ stdout: { style } }: Cli, schedule: Schedule): string {
  const line = (label: string, value: string) => `  ${style.dim(label.padEnd(14))}${value}\n`;
  const { id, name, status, pausedReason, nextFires, misfire, overlap, jitterSeconds, conversationId } =
    schedule;
  const stand = paintStatus(style, status, status);
  return [
    `${style.bold(oneLine(name))}\n`,
    line('id', id),
    line('status', pausedReason ? `${stand}: ${oneLine(pausedReason)}` : stand),
    line('when', oneLine(timing(schedule))),
    ...nextFires.map(({ local }, index) => line(index === 0 ? 'next' : '', local)),
    line('rules', `misfire ${misfire}, overlap ${overlap}, jitter ${jitterSeconds} s`),
    line('agent', oneLine(schedule.agent.name)),
    ...(schedule.deliverTo?.channel ? [line('delivers to', oneLine(targetOf(schedule)))] : []),
    line('conversation', conversationId ?? 'its own, from its first run on'),
    line('made', ago(schedule.createdAt)),
    `  ${style.dim('prompt')}\n${indent(printable(schedule.prompt).trimEnd())}\n`,
  ].join('');
}
