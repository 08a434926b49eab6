/** Changes what is named of a channel, and asks for the secrets that have to come along. */
import type { Channel, ChannelUpdate } from '@nightshift/contracts';
import type { Cli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { findAgent, takeAll, wholePages } from '../records.ts';
import { oneLine } from '../terminal/text.ts';
import { accessNames, readOthers, readRoutes, readRoutesFile } from './channel-access.ts';
import { askField, canAsk, type FieldOptions, fieldOf, partsOf, readFieldOptions } from './channel-fields.ts';

export interface UpdateOptions extends FieldOptions {
  agent?: string;
  name?: string;
  unset?: string[];
  route?: string[];
  routesFile?: string;
}

const others = new Set(['guestTools', 'routes', ...accessNames]);

/** @throws {CliError} usage */
export async function updateChannel(cli: Cli, channel: Channel, options: UpdateOptions): Promise<void> {
  const { agent, name, unset = [], route, routesFile } = options;
  const entry = (await cli.client.catalog.channels()).find(({ slug }) => slug === channel.kind);
  if (!entry)
    throw new CliError('failed', `The server has no channels of the kind ${channel.kind} any more.`);
  if (route && routesFile)
    throw new CliError('usage', 'Give routes by --route or by --routes-file, not both.');
  const { values, others: set } = await readFieldOptions(entry, options);
  for (const wanted of unset.filter((wanted) => !others.has(wanted)))
    values.set(fieldOf(entry, wanted), null);

  const isMove = [...values.keys()].some(({ secret, harmless }) => !secret && !harmless);
  if (isMove && canAsk(options)) {
    const missing = entry.fields.filter(
      (field) => field.secret && channel.credentials[field.name]?.set && !values.has(field),
    );
    if (missing.length > 0)
      cli.stderr.write('This changes where secrets are sent, so all of them are needed again.\n');
    for (const field of missing) values.set(field, (await askField(cli, { ...field, required: true }))!);
  }
  const { credentials, settings } = partsOf(values);
  const body: ChannelUpdate = {
    ...(name !== undefined && { name }),
    ...(agent && { agentId: (await findAgent(cli.client, agent)).id }),
    ...(Object.keys(credentials).length > 0 && { credentials }),
    ...(Object.keys(settings).length > 0 && { settings }),
    ...readOthers(channel.access, { set, unset: unset.filter((wanted) => others.has(wanted)) }),
    ...(route && { routes: readRoutes(route, await takeAll(cli.client.agents.list(wholePages))) }),
    ...(routesFile && { routes: readRoutesFile(routesFile) }),
  };
  if (Object.keys(body).length === 0)
    throw new CliError(
      'usage',
      'Name something to change.',
      `Fields: ${entry.fields.map((field) => field.name).join(', ')}`,
    );
  const updated = await cli.client.channels.update(channel.id, body);
  cli.print(updated, () => {
    const made = Object.entries(updated.generated).map(([field, value]) => `${field}=${value}\n`);
    return `${oneLine(updated.name)} is changed.\n${made.join('')}`;
  });
}
