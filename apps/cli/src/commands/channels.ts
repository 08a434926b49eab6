import { text as readAll } from 'node:stream/consumers';
import type {
  CatalogChannel,
  Channel,
  ChannelCreated,
  ChannelStatus,
  Identity,
  IdentityStatus,
} from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError, exitCodes } from '../failure.ts';
import { type ListOptions, several, withPages } from '../options.ts';
import { defaultAgent, findAgent, pick, shortId, takeAll, takeList, wholePages } from '../records.ts';
import { ago, count } from '../terminal/format.ts';
import { readSecret } from '../terminal/read-secret.ts';
import { table } from '../terminal/table.ts';
import { oneLine, printable } from '../terminal/text.ts';
import { readFields } from './channel-fields.ts';
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

interface AddOptions {
  agent?: string;
  name?: string;
  set?: string[];
  secretsStdin?: boolean;
}

export function addChannelCommands(program: Command): void {
  const channels = program
    .command('channels')
    .description(
      'Chat platforms: add, list, show, update, test, pause, resume, remove, traffic, pair, people, places',
    );

  channels
    .command('add')
    .description('Connect a chat platform. Secrets are asked for without echo, or read from stdin')
    .argument('[kind]', 'slack, telegram, webhook …; without it the kinds are listed')
    .option('--agent <agent>', 'who answers; default: the assistant')
    .option('--name <name>', 'tells several channels of one kind apart')
    .option('--set <field=value...>', 'a field of this kind that is no secret')
    .option('--secrets-stdin', 'read secrets from stdin, one field=value a line')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift channels add
  $ nightshift channels add webhook --set url=https://program.example.com/nightshift
  $ pass show chat | nightshift channels add webhook --agent support --set url=https://… --secrets-stdin`,
    )
    .action(
      withCli(async (cli, kind: string | undefined, options: AddOptions) => {
        const catalog = await cli.client.catalog.channels();
        if (!kind) return cli.print(catalog, () => renderKinds(cli, catalog));
        return showAdded(cli, await add(cli, catalog, kind, options));
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

  channels
    .command('update')
    .description('Change what is named of a channel, and nothing else')
    .argument('<channel>', 'name or id')
    .option('--agent <agent>', 'who answers')
    .option('--name <name>', 'another name')
    .option('--set <field=value...>', 'a field of this kind that is no secret')
    .option('--unset <field...>', 'back to its default; a secret that can be made is made again')
    .option('--secrets-stdin', 'read secrets from stdin, one field=value a line')
    .addHelpText(
      'after',
      `
What names where secrets are sent (an address, a port, the encryption) changes only together with all of them: they are
asked for without echo, or read from stdin.

Examples:
  $ nightshift channels update Email --set name=Support
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

export const nameOf = ({ name, externalId }: Identity) => oneLine(name ?? externalId);

async function find({ client }: Cli, wanted: string): Promise<Channel> {
  return pick(await takeAll(client.channels.list(wholePages)), wanted, {
    kind: 'channel',
    namesOf: ({ name, kind }) => [name, kind],
  });
}

async function add(
  cli: Cli,
  catalog: CatalogChannel[],
  kind: string,
  { agent, name, set = [], secretsStdin }: AddOptions,
): Promise<ChannelCreated> {
  const entry = catalog.find(({ slug }) => slug === kind);
  if (!entry) {
    const slugs = catalog.map(({ slug }) => slug).join(', ');
    throw new CliError('usage', `There is no channel of the kind "${kind}". There are: ${slugs}.`);
  }
  const given = readFields(set);
  const secrets = secretsStdin
    ? readFields((await readAll(process.stdin)).split('\n').filter((line) => line.trim()))
    : {};
  const body = { credentials: {} as Record<string, unknown>, settings: {} as Record<string, unknown> };
  for (const field of entry.fields) {
    const value =
      given[field.name] ??
      secrets[field.name] ??
      (field.secret && process.stdin.isTTY && !secretsStdin ? await ask(cli, field) : undefined);
    if (value === undefined || value === '') {
      if (field.required) throw new CliError('usage', `${entry.name} needs ${field.name}: ${field.help}`);
      continue;
    }
    body[field.in][field.name] =
      field.type === 'number' ? Number(value) : field.type === 'boolean' ? value === 'true' : value;
  }
  const unknown = Object.keys({ ...given, ...secrets }).filter(
    (field) => !entry.fields.some((each) => each.name === field),
  );
  if (unknown.length > 0)
    throw new CliError('usage', `${entry.name} has no field ${unknown.join(', ')}.`, renderFields(entry));
  const { id: agentId } = agent ? await findAgent(cli.client, agent) : await defaultAgent(cli.client);
  return cli.client.channels.create({ kind, agentId, ...(name && { name }), ...body });
}

const ask = ({ stderr }: Cli, { label, required }: CatalogChannel['fields'][number]) =>
  readSecret(`${label} (not shown${required ? '' : ', empty for none'}): `, stderr);

const renderFields = ({ fields }: CatalogChannel) =>
  `Fields: ${fields.map(({ name, required }) => (required ? name : `[${name}]`)).join(', ')}`;

function renderKinds({ stdout }: Cli, catalog: CatalogChannel[]): string {
  return table(
    catalog,
    [
      { header: 'KIND', value: ({ slug }) => slug },
      { header: 'FIELDS', value: (entry) => renderFields(entry).slice('Fields: '.length), shrinks: true },
      { header: 'FOR', value: ({ summary }) => summary, shrinks: true, optional: true },
    ],
    stdout,
  );
}

/** What was made is for people; generated secrets go to stdout, for whoever stores them. */
function showAdded(cli: Cli, channel: ChannelCreated): void {
  const { stderr } = cli;
  cli.print(channel, () => {
    const secrets = Object.entries(channel.generated ?? {}).map(([field, value]) => `${field}=${value}\n`);
    return `${oneLine(channel.name)} is made.${channel.webhookUrl ? ` Its address: ${channel.webhookUrl}` : ''}\n${secrets.join('')}`;
  });
  if (cli.json) return;
  const steps = channel.nextSteps.map((step, at) => `  ${at + 1}. ${printable(step)}\n`).join('');
  stderr.write(`Next:\n${steps}Then: nightshift channels test ${JSON.stringify(channel.name)}\n`);
}

const paintStatus = ({ stdout: { style } }: Cli, status: string) =>
  status === 'active'
    ? style.green(status)
    : status === 'attention'
      ? style.red(status)
      : style.yellow(status);

function renderList(cli: Cli, list: Channel[]): string {
  if (list.length === 0) return 'There is no channel yet. Make one: nightshift channels add\n';
  return table(
    list,
    [
      { header: 'NAME', value: ({ name }) => name, shrinks: true },
      { header: 'KIND', value: ({ kind }) => kind },
      {
        header: 'STATUS',
        value: ({ status }) => status,
        paint: (text) => paintStatus(cli, text.trim()) + text.slice(text.trim().length),
      },
      { header: 'AGENT', value: ({ agent }) => agent?.name ?? '-', shrinks: true },
      { header: 'IN', value: ({ lastInboundAt }) => ago(lastInboundAt), optional: true },
      { header: 'OUT', value: ({ lastOutboundAt }) => ago(lastOutboundAt), optional: true },
      { header: 'ID', value: ({ id }) => shortId(id, cli.stdout), paint: cli.stdout.style.dim },
    ],
    cli.stdout,
  );
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
    ...(channel.connected === null ? [] : [line('connected', channel.connected ? 'yes' : 'no')]),
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
