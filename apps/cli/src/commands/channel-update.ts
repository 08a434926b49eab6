/** Changes what is named of a channel, and asks for the secrets that have to come along. */
import { text as readAll } from 'node:stream/consumers';
import type { CatalogChannel, Channel } from '@nightshift/contracts';
import type { Cli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { findAgent } from '../records.ts';
import { readSecret } from '../terminal/read-secret.ts';
import { oneLine } from '../terminal/text.ts';
import { readFields } from './channel-fields.ts';

export interface UpdateOptions {
  agent?: string;
  name?: string;
  set?: string[];
  unset?: string[];
  secretsStdin?: boolean;
}

type Field = CatalogChannel['fields'][number];

/** @throws {CliError} usage */
export async function updateChannel(cli: Cli, channel: Channel, options: UpdateOptions): Promise<void> {
  const { agent, name, set = [], unset = [], secretsStdin } = options;
  const entry = (await cli.client.catalog.channels()).find(({ slug }) => slug === channel.kind);
  const fieldOf = (wanted: string): Field => {
    const field = entry?.fields.find((each) => each.name === wanted);
    if (!field) throw new CliError('usage', `A ${channel.kind} channel has no field ${wanted}.`);
    return field;
  };
  const lines = secretsStdin ? (await readAll(process.stdin)).split('\n').filter((line) => line.trim()) : [];
  const values = new Map<Field, unknown>();
  for (const [wanted, text] of Object.entries({ ...readFields(set), ...readFields(lines) })) {
    const field = fieldOf(wanted);
    values.set(field, parseValue(field, text));
  }
  for (const wanted of unset) values.set(fieldOf(wanted), null);
  const isMove = [...values.keys()].some(({ secret, harmless }) => !secret && !harmless);
  if (isMove && process.stdin.isTTY && !secretsStdin) {
    const missing = (entry?.fields ?? []).filter(
      (field) => field.secret && channel.credentials[field.name]?.set && !values.has(field),
    );
    if (missing.length > 0)
      cli.stderr.write('This changes where secrets are sent, so all of them are needed again.\n');
    for (const field of missing)
      values.set(field, await readSecret(`${field.label} (not shown): `, cli.stderr));
  }
  const part = (wanted: Field['in']) =>
    Object.fromEntries(
      [...values].filter(([field]) => field.in === wanted).map(([field, value]) => [field.name, value]),
    );
  const [credentials, settings] = [part('credentials'), part('settings')];
  const updated = await cli.client.channels.update(channel.id, {
    ...(name && { name }),
    ...(agent && { agentId: (await findAgent(cli.client, agent)).id }),
    ...(Object.keys(credentials).length > 0 && { credentials }),
    ...(Object.keys(settings).length > 0 && { settings }),
  });
  cli.print(updated, () => {
    const made = Object.entries(updated.generated).map(([field, value]) => `${field}=${value}\n`);
    return `${oneLine(updated.name)} is changed.\n${made.join('')}`;
  });
}

const parseValue = ({ type }: Field, text: string) =>
  type === 'number' ? Number(text) : type === 'boolean' ? text === 'true' : text;
