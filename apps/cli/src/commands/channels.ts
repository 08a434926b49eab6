import type { Channel, ChannelStatus, Identity, IdentityStatus } from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { exitCodes } from '../failure.ts';
import { type ListOptions, several, withPages } from '../options.ts';
import { findAgent, pick, shortId, takeAll, takeList, wholePages } from '../records.ts';
import { describeState, isBroken, stateNames } from '../terminal/channel-state.ts';
import { ago, count } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { oneLine, printable } from '../terminal/text.ts';
import { accessNames } from './channel-access.ts';
import { type AddOptions, addChannel, renderKinds, showAdded } from './channel-add.ts';
import { withFieldOptions } from './channel-fields.ts';
import { askCrowd } from './channel-people.ts';
import { addPlacesCommand } from './channel-places.ts';
import { type UpdateOptions, updateChannel } from './channel-update.ts';

const statuses: ChannelStatus[] = ['active', 'paused', 'attention'];
const identityStatuses: IdentityStatus[] = ['pending', 'approved', 'blocked'];

interface ChannelListOptions extends ListOptions {
  status?: ChannelStatus[];
  agent?: string;
  kind?: string;
}

export function addChannelCommands(program: Command): void {
  const channels = program
    .command('channels')
    .description(
      'Chat platforms: add, list, show, update, test, pause, resume, remove, traffic, pair, people, places',
    );

  withRoutes(
    withFieldOptions(
      channels
        .command('add')
        .description(
          'Connect a chat platform. What is missing is asked for on a terminal, secrets without echo',
        )
        .argument('[kind]', 'slack, telegram, webhook …; without it the kinds and their fields are listed')
        .option('--agent <agent>', 'who answers; default: the assistant')
        .option('--name <name>', 'tells several channels of one kind apart'),
    ),
  )
    .addHelpText(
      'after',
      `
A secret among the arguments is refused: others on the machine can read them.

Examples:
  $ nightshift channels add
  $ nightshift channels add webhook --set url=https://program.example.com/nightshift
  $ nightshift channels add telegram --secret-from-file token=./token.txt
  $ pass show slack | nightshift channels add slack --agent support --secrets-stdin`,
    )
    .action(
      withCli(async (cli, kind: string | undefined, options: AddOptions) => {
        const catalog = await cli.client.catalog.channels();
        if (!kind) return cli.print(catalog, () => renderKinds(cli, catalog));
        return showAdded(cli, await addChannel(cli, catalog, kind, options));
      }),
    );

  withPages(channels.command('list'))
    .description('List the channels, newest first')
    .addOption(several('--status <status>', 'only those', statuses))
    .option('--agent <agent>', 'only those of this agent: name or id')
    .option('--kind <kind>', 'only those of this kind')
    .addHelpText('after', '\nExample:\n  $ nightshift channels list --status attention')
    .action(
      withCli(async (cli, { status, agent, kind, ...options }: ChannelListOptions) => {
        const agentId = agent && (await findAgent(cli.client, agent)).id;
        const list = await takeList(
          cli,
          (page) => cli.client.channels.list({ ...page, status, agentId, kind }),
          options,
        );
        cli.print(list, () => renderList(cli, list));
      }),
    );

  channels
    .command('show')
    .description('Show a channel: where its platform pushes, what came and went')
    .argument('<channel>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift channels show "Team Slack"')
    .action(
      withCli(async (cli, wanted: string) => {
        const channel = await find(cli, wanted);
        cli.print(channel, () => describe(cli, channel));
      }),
    );

  withRoutes(
    withFieldOptions(
      channels
        .command('update')
        .description('Change what is named of a channel, and nothing else')
        .argument('<channel>', 'name or id')
        .option('--agent <agent>', 'who answers')
        .option('--name <name>', 'another name')
        .option(
          '--unset <field...>',
          'back to its default (also access.…, guestTools, routes); a secret that can be made is made again',
        ),
    ),
  )
    .addHelpText(
      'after',
      `
Besides the fields of its kind: live, guestTools,
  ${accessNames.slice(0, 4).join(', ')},
  ${accessNames.slice(4).join(', ')}

What names where secrets are sent (an address, a port, the encryption) changes only together with all of them: they are
asked for without echo, or read from a file or stdin.

Examples:
  $ nightshift channels update Email --set name=Support --agent support
  $ nightshift channels update Telegram --set access.strangers=ignore --set access.people=1234567,7654321
  $ nightshift channels update Slack --route group=C024BE91L,agent=support --route keyword=research,agent=researcher
  $ nightshift channels update Slack --unset routes
  $ pass show mail | nightshift channels update Email --set imapHost=imap.example.org --secrets-stdin
  $ nightshift channels update Webhook --set url=https://new.example.com/in --unset secret`,
    )
    .action(
      withCli(async (cli, wanted: string, options: UpdateOptions) =>
        updateChannel(cli, await find(cli, wanted), options),
      ),
    );

  channels
    .command('test')
    .description('Ask the platform whether all is set up; ends with 1 when it is not')
    .argument('<channel>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift channels test "Team Slack"')
    .action(
      withCli(async (cli, wanted: string) => {
        const { id, name } = await find(cli, wanted);
        const result = await cli.client.channels.test(id);
        const { style } = cli.stdout;
        cli.print(result, () => {
          const who = result.account ? ` as ${oneLine(result.account.name)}` : '';
          const verdict = result.ok ? style.green('works') : style.red('does not work yet');
          const problems = result.problems.map(
            ({ message, fix }) => `  ${printable(message)}\n  ${style.dim(printable(fix))}\n`,
          );
          return `${oneLine(name)} ${verdict}${who}\n${problems.join('')}`;
        });
        return result.ok ? exitCodes.ok : exitCodes.failed;
      }),
    );

  for (const [verb, done, description] of [
    ['pause', 'paused: what comes in is dropped, what is to go out waits', 'Stop a channel for a while'],
    ['resume', 'active', 'Let a channel go on that was paused or needed attention'],
  ] as const) {
    channels
      .command(verb)
      .description(description)
      .argument('<channel>', 'name or id')
      .addHelpText('after', `\nExample:\n  $ nightshift channels ${verb} "Team Slack"`)
      .action(
        withCli(async (cli, wanted: string) => {
          const channel = await cli.client.channels[verb]((await find(cli, wanted)).id);
          cli.print(channel, () => `${oneLine(channel.name)} is ${done}.\n`);
        }),
      );
  }

  channels
    .command('remove')
    .description('Remove a channel and forget its credentials; conversations stay readable')
    .argument('<channel>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift channels remove "Team Slack"')
    .action(
      withCli(async (cli, wanted: string) => {
        const { id, name } = await find(cli, wanted);
        await cli.client.channels.delete(id);
        cli.print({ id, removed: true }, () => `${oneLine(name)} is removed.\n`);
      }),
    );

  channels
    .command('traffic')
    .description('Show what came in and went out lately')
    .argument('<channel>', 'name or id')
    .option('--errors', 'only what could not be delivered')
    .addHelpText('after', '\nExample:\n  $ nightshift channels traffic "Team Slack" --errors')
    .action(withCli(traffic));

  channels
    .command('pair')
    .description('Approve the person who was told this code')
    .argument('<channel>', 'name or id')
    .argument('<code>', 'eight characters, as the person says them')
    .addHelpText('after', '\nExample:\n  $ nightshift channels pair Telegram 7KQ2-M9XD')
    .action(
      withCli(async (cli, wanted: string, code: string) => {
        const { id, name } = await find(cli, wanted);
        const identity = await cli.client.channels.pair(id, code);
        cli.print(identity, () => `${nameOf(identity)} is approved in ${oneLine(name)}, and was told so.\n`);
      }),
    );

  channels
    .command('people')
    .description('List whom a channel has met; approve or block somebody')
    .argument('<channel>', 'name or id')
    .addOption(several('--status <status>', 'only those', identityStatuses))
    .option('--approve <person>', 'by name or id')
    .option('--block <person>', 'by name or id')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift channels people Telegram --status pending
  $ nightshift channels people Telegram --block "Eve"`,
    )
    .action(
      withCli(async (cli, wanted: string, options: Parameters<typeof askCrowd>[2]) =>
        askCrowd(cli, await find(cli, wanted), options),
      ),
    );

  addPlacesCommand(channels, find);
}

const withRoutes = (command: Command) =>
  command
    .option(
      '--route <when,agent...>',
      'who answers where, e.g. group=C024BE91L,agent=support; in place of all routes',
    )
    .option('--routes-file <path>', 'the same as JSON, as REST takes it; "-" is stdin');

export const nameOf = ({ name, externalId }: Identity) => oneLine(name ?? externalId);

async function find({ client }: Cli, wanted: string): Promise<Channel> {
  return pick(await takeAll(client.channels.list(wholePages)), wanted, {
    kind: 'channel',
    namesOf: ({ name, kind }) => [name, kind],
  });
}

const paintStatus = ({ stdout: { style } }: Cli, status: string) =>
  status === 'active'
    ? style.green(status)
    : status === 'attention'
      ? style.red(status)
      : style.yellow(status);

function renderList(cli: Cli, list: Channel[]): string {
  if (list.length === 0) return 'There is no channel yet. Make one: nightshift channels add\n';
  const broken = list.filter(isBroken);
  const rows = table(
    list,
    [
      { header: 'NAME', value: ({ name }) => name, shrinks: true },
      { header: 'KIND', value: ({ kind }) => kind },
      {
        header: 'STATUS',
        value: ({ status }) => status,
        paint: (text) => paintStatus(cli, text.trim()) + text.slice(text.trim().length),
      },
      {
        header: 'STATE',
        value: ({ state }) => stateNames[state.status],
        paint: (text, channel) => (isBroken(channel) ? cli.stdout.style.red(text) : text),
      },
      { header: 'AGENT', value: ({ agent }) => agent?.name ?? '-', shrinks: true },
      { header: 'IN', value: ({ lastInboundAt }) => ago(lastInboundAt), optional: true },
      { header: 'OUT', value: ({ lastOutboundAt }) => ago(lastOutboundAt), optional: true },
      { header: 'ID', value: ({ id }) => shortId(id, cli.stdout), paint: cli.stdout.style.dim },
    ],
    cli.stdout,
  );
  // What the columns have no room for.
  const lines = broken.map((channel) => `${oneLine(channel.name)}: ${describeState(channel)}.\n`);
  return rows + (lines.length > 0 ? `\n${lines.join('')}` : '');
}

function describe(cli: Cli, channel: Channel): string {
  const { style } = cli.stdout;
  const line = (label: string, value: string) => `  ${style.dim(label.padEnd(12))}${value}\n`;
  const { counts, access } = channel;
  const secrets = Object.entries(channel.credentials).map(([name, { last4 }]) => `${name} …${last4 ?? ''}`);
  return [
    `${style.bold(oneLine(channel.name))} ${paintStatus(cli, channel.status)}\n`,
    ...(channel.problem ? [line('problem', printable(channel.problem.message))] : []),
    line('kind', channel.kind),
    line('id', channel.id),
    line('agent', oneLine(channel.agent?.name ?? '-')),
    ...(channel.account ? [line('account', oneLine(channel.account.name))] : []),
    ...(channel.webhookUrl ? [line('address', channel.webhookUrl)] : []),
    ...(channel.snippet ? [line('snippet', channel.snippet)] : []),
    line('state', describeState(channel)),
    ...describeTrouble(channel).map((text) => line('trouble', text)),
    line('secrets', secrets.join(', ') || 'none'),
    line('strangers', access.strangers),
    line('groups', access.groups.answer),
    ...(channel.guestTools.length > 0 ? [line('guest tools', channel.guestTools.join(', '))] : []),
    line(
      'in',
      `${count(counts.received)} taken, ${count(counts.ignored)} ignored, ${count(counts.refused)} refused; ${ago(channel.lastInboundAt)}`,
    ),
    ...describeUnreadable(channel).map((text) => line('unreadable', text)),
    line('out', `${count(counts.sent)} sent; ${ago(channel.lastOutboundAt)}`),
  ].join('');
}

/** What went wrong last, each way, unless something went well since. */
function describeTrouble({ state }: Channel): string[] {
  const { lastRefused, lastVerifiedAt, lastSendError, lastSentAt } = state;
  return [
    ...(lastRefused && !(lastVerifiedAt && lastVerifiedAt > lastRefused.at)
      ? [`a request to its address was refused ${ago(lastRefused.at)}: ${oneLine(lastRefused.reason)}`]
      : []),
    ...(lastSendError && !(lastSentAt && lastSentAt > lastSendError.at)
      ? [`a message could not be sent ${ago(lastSendError.at)}: ${oneLine(lastSendError.message)}`]
      : []),
  ];
}

/** Messages that the agent never gets: how many, and the last one. */
function describeUnreadable({ unreadable: { count: passedOver, last } }: Channel): string[] {
  if (!last) return [];
  const who = last.from ? ` from ${oneLine(last.from)}` : '';
  const what = last.subject ? `, "${oneLine(last.subject)}"` : '';
  return [`${count(passedOver)} passed over; last ${ago(last.at)}${who}${what}: ${oneLine(last.message)}`];
}

async function traffic(cli: Cli, wanted: string, { errors }: { errors?: boolean }): Promise<void> {
  const { id } = await find(cli, wanted);
  const shown = await cli.client.channels.traffic(id, errors ? { errors: true } : {});
  const { style } = cli.stdout;
  cli.print(shown, () => {
    const rows = [
      ...shown.inbound.map(({ receivedAt, type, outcome, sender }) => ({
        at: receivedAt,
        way: 'in',
        what: type,
        outcome,
        detail: sender?.name ?? '',
      })),
      ...shown.outbound.map(({ createdAt, event, status, error }) => ({
        at: createdAt,
        way: 'out',
        what: event,
        outcome: status,
        detail: error?.message ?? '',
      })),
    ].sort((a, b) => b.at.localeCompare(a.at));
    if (rows.length === 0) return errors ? 'Nothing went wrong.\n' : 'Nothing came in or went out yet.\n';
    return table(
      rows,
      [
        { header: 'WHEN', value: ({ at }) => ago(at) },
        { header: 'WAY', value: ({ way }) => way, paint: style.dim },
        { header: 'WHAT', value: ({ what }) => what },
        { header: 'OUTCOME', value: ({ outcome }) => outcome },
        { header: 'DETAIL', value: ({ detail }) => detail, shrinks: true },
      ],
      cli.stdout,
    );
  });
}
