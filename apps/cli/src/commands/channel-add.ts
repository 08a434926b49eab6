/** Connects a chat platform, and asks a person for what was not given. */
import type { CatalogChannel, ChannelCreated } from '@nightshift/contracts';
import { ApiError } from '@nightshift/contracts/client';
import type { Cli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { defaultAgent, findAgent, takeAll, wholePages } from '../records.ts';
import { oneLine, printable } from '../terminal/text.ts';
import { readOthers, readRoutes, readRoutesFile } from './channel-access.ts';
import {
  askField,
  canAsk,
  type Field,
  type FieldOptions,
  fieldNames,
  partsOf,
  readFieldOptions,
  type Values,
} from './channel-fields.ts';

export interface AddOptions extends FieldOptions {
  agent?: string;
  name?: string;
  route?: string[];
  routesFile?: string;
}

const standardAccess = {
  people: [],
  groups: { answer: 'addressed' as const, open: [] },
  programs: 'ignore' as const,
  limits: { programTurns: 3, messagesPerMinute: 60 },
};

/** @throws {CliError} usage, interrupted */
export async function addChannel(
  cli: Cli,
  catalog: readonly CatalogChannel[],
  kind: string,
  options: AddOptions,
): Promise<ChannelCreated> {
  const { agent, name, route, routesFile } = options;
  const entry = catalog.find(({ slug }) => slug === kind);
  if (!entry) {
    const slugs = catalog.map(({ slug }) => slug).join(', ');
    throw new CliError('usage', `There is no channel of the kind "${kind}". There are: ${slugs}.`);
  }
  if (route && routesFile)
    throw new CliError('usage', 'Give routes by --route or by --routes-file, not both.');
  const { values, others } = await readFieldOptions(entry, options);
  const asks = canAsk(options);
  for (const field of entry.fields.filter((field) => field.required || field.secret)) {
    if (values.has(field) || !asks) continue;
    const value = await askField(cli, field);
    if (value !== undefined) values.set(field, value);
  }
  const missing = entry.fields.filter((field) => field.required && !values.has(field));
  if (missing.length > 0) throw needs(entry, missing);

  const body = {
    kind,
    agentId: (agent ? await findAgent(cli.client, agent) : await defaultAgent(cli.client)).id,
    ...(name && { name }),
    ...readOthers({ ...standardAccess, strangers: entry.defaults.strangers }, { set: others }),
    ...(route && { routes: readRoutes(route, await takeAll(cli.client.agents.list(wholePages))) }),
    ...(routesFile && { routes: readRoutesFile(routesFile) }),
  };
  return create(cli, entry, values, body, asks);
}

/** A field that the server refuses is asked for again, where somebody is there to be asked. */
async function create(
  cli: Cli,
  entry: CatalogChannel,
  values: Values,
  body: Omit<Parameters<Cli['client']['channels']['create']>[0], 'credentials' | 'settings'>,
  asks: boolean,
): Promise<ChannelCreated> {
  for (;;) {
    try {
      return await cli.client.channels.create({ ...body, ...partsOf(values) });
    } catch (error) {
      const errors = error instanceof ApiError && asks ? (error.errors ?? []) : [];
      const refused = errors.flatMap(({ path, message }) => {
        const field = entry.fields.find(
          (each) => path === `${each.in}.${each.name}` || path.startsWith(`${each.in}.${each.name}.`),
        );
        return field ? [{ field, message }] : [];
      });
      if (refused.length === 0 || refused.length < errors.length) throw error;
      for (const { field, message } of refused) {
        cli.stderr.write(`  ${cli.stderr.style.red(`${field.name}: ${oneLine(message)}`)}\n`);
        values.delete(field);
        const value = await askField(cli, field);
        if (value !== undefined) values.set(field, value);
      }
    }
  }
}

/** All of them at once, each with how it is given. */
function needs({ name, slug }: CatalogChannel, missing: readonly Field[]): CliError {
  const ways = missing.map(({ name, secret, help }) => {
    const way = secret ? `--secret-from-file ${name}=<path>` : `--set ${name}=<value>`;
    return `  ${way}   ${help}`;
  });
  const names = missing.map((field) => field.name).join(', ');
  return new CliError(
    'usage',
    `${name} needs ${names}: ${missing[0]!.help}`,
    `Give them so, or run "nightshift channels add ${slug}" on a terminal to be asked:\n${ways.join('\n')}`,
  );
}

/** The kinds with every field's whole name, below one another where the terminal is narrow. */
export function renderKinds({ stdout }: Cli, catalog: readonly CatalogChannel[]): string {
  const widest = Math.max(...catalog.map(({ slug }) => slug.length));
  const rows = catalog.map((entry) => {
    const lines = wrap(fieldNames(entry), stdout.width - widest - 2);
    return lines.map((line, at) => `${(at === 0 ? entry.slug : '').padEnd(widest)}  ${line}\n`).join('');
  });
  const more = 'In [brackets]: optional. Secrets are asked for without echo. More: docs/channels/README.md\n';
  return `${stdout.style.dim(`${'KIND'.padEnd(widest)}  FIELDS`)}\n${rows.join('')}${stdout.style.dim(more)}`;
}

/** Names with commas between them, in lines of `width` columns at most unless one name is longer. */
function wrap(names: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const [at, name] of names.entries()) {
    const word = at === names.length - 1 ? name : `${name},`;
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** What was made is for people; generated secrets go to stdout, for whoever stores them. */
export function showAdded(cli: Cli, channel: ChannelCreated): void {
  const { stderr } = cli;
  cli.print(channel, () => {
    const secrets = Object.entries(channel.generated ?? {}).map(([field, value]) => `${field}=${value}\n`);
    return `${oneLine(channel.name)} is made.${channel.webhookUrl ? ` Its address: ${channel.webhookUrl}` : ''}\n${secrets.join('')}`;
  });
  if (cli.json) return;
  const steps = channel.nextSteps.map((step, at) => `  ${at + 1}. ${printable(step)}\n`).join('');
  stderr.write(`Next:\n${steps}Then: nightshift channels test ${JSON.stringify(channel.name)}\n`);
}
