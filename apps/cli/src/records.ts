/** Finding records: by name or id, and a list's first ones. */
import type { Agent, Page } from '@nightshift/contracts';
import type { Client } from '@nightshift/contracts/client';
import type { Cli } from './cli.ts';
import { CliError } from './failure.ts';
import type { ListOptions } from './options.ts';
import type { Terminal } from './terminal/terminal.ts';

const pageSize = 200;
export const wholePages = { limit: pageSize } as const;

/** The first `limit` items of a list, and whether there are more. */
export async function take<T>(
  pages: (query: { limit: number }) => AsyncGenerator<Page<T>>,
  limit: number,
): Promise<{ items: T[]; more: boolean }> {
  const items: T[] = [];
  for await (const { data, nextCursor } of pages({ limit: Math.min(limit, pageSize) })) {
    items.push(...data);
    if (items.length >= limit)
      return { items: items.slice(0, limit), more: items.length > limit || nextCursor !== null };
  }
  return { items, more: false };
}

/** What a list's options ask for. It says on stderr when there is more. */
export async function takeList<T>(
  cli: Pick<Cli, 'json' | 'stderr'>,
  pages: (query: { limit: number }) => AsyncGenerator<Page<T>>,
  { limit, all = false }: ListOptions,
): Promise<T[]> {
  const { items, more } = await take(pages, all ? Number.POSITIVE_INFINITY : limit);
  if (more && !cli.json)
    cli.stderr.write(cli.stderr.style.dim(`There are more: --limit ${limit * 2}, or --all\n`));
  return items;
}

/**
 * An id as lists show it to people: its end, which tells it from all others, and which commands and the API take in the place
 * of the whole. What is no terminal gets the whole one.
 */
export const shortId = (id: string, { isTTY }: Pick<Terminal, 'isTTY'>): string =>
  isTTY ? id.slice(-8) : id;

/** A whole list. */
export async function takeAll<T>(pages: AsyncGenerator<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for await (const { data } of pages) items.push(...data);
  return items;
}

/**
 * The one record that `wanted` means: its id, one of its names, such a name in other letter case, or a part of its id.
 * @throws {CliError} not_found, ambiguous
 */
export function pick<T extends { id: string }>(
  records: readonly T[],
  wanted: string,
  { kind, namesOf }: { kind: string; namesOf: (record: T) => readonly string[] },
): T {
  const tests: ((record: T) => boolean)[] = [
    ({ id }) => id === wanted.toLowerCase(),
    (record) => namesOf(record).includes(wanted),
    (record) => namesOf(record).some((name) => name.toLowerCase() === wanted.toLowerCase()),
    ({ id }) => isPartOf(id, wanted.toLowerCase()),
  ];
  for (const test of tests) {
    const found = records.filter(test);
    if (found.length > 1) {
      const ids = found.map(({ id }) => id).join(', ');
      throw new CliError('ambiguous', `"${wanted}" means ${found.length} ${kind}s: ${ids}.`, 'Use the id.');
    }
    if (found[0]) return found[0];
  }
  const names = records.map((record) => namesOf(record)[0]).slice(0, 10);
  const those = names.length === 0 ? 'none yet' : names.join(', ') + (records.length > 10 ? ', …' : '');
  throw new CliError('not_found', `There is no ${kind} "${wanted}". There are: ${those}.`);
}

/** As the server takes parts of ids: six characters of the beginning, or eight of the end. */
function isPartOf(id: string, part: string): boolean {
  const [whole, digits] = [id, part].map((text) => text.replaceAll('-', '')) as [string, string];
  return (digits.length >= 6 && whole.startsWith(digits)) || (digits.length >= 8 && whole.endsWith(digits));
}

const byName = { kind: 'agent', namesOf: ({ name }: Agent) => [name] };

/** @throws {CliError} not_found */
export async function findAgent(client: Client, wanted: string): Promise<Agent> {
  return pick(await takeAll(client.agents.list(wholePages)), wanted, byName);
}

/** The agent to talk to when none is named: `assistant`, or else the oldest. @throws {CliError} not_found */
export async function defaultAgent(client: Client): Promise<Agent> {
  const agents = await takeAll(client.agents.list(wholePages));
  const agent = agents.find(({ name }) => name === 'assistant') ?? agents.at(-1);
  if (agent) return agent;
  throw new CliError('not_found', 'There is no agent yet.', 'Make one: nightshift agents create assistant');
}
