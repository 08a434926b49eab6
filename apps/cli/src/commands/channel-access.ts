/** What a channel has besides its kind's fields, under REST's names: `live`, `guestTools`, `access.…`, routes. */
import { readFileSync } from 'node:fs';
import type { Agent, ChannelAccess, ChannelRoute, ChannelUpdate } from '@nightshift/contracts';
import { CliError } from '../failure.ts';
import { pick } from '../records.ts';

type Parse = (text: string) => unknown;

const list: Parse = (text) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
const oneOf =
  (...choices: string[]): Parse =>
  (text) => {
    if (choices.includes(text)) return text;
    throw new CliError('usage', `It is one of ${choices.join(', ')}.`);
  };
const whole: Parse = (text) => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new CliError('usage', 'It is a whole number above 0.');
};

/** Path in `access` → how it is read, and what it is by default. */
const accessFields: Readonly<Record<string, { parse: Parse; standard: unknown }>> = {
  strangers: { parse: oneOf('pair', 'ignore', 'answer'), standard: 'pair' },
  people: { parse: list, standard: [] },
  'groups.answer': { parse: oneOf('addressed', 'always', 'never'), standard: 'addressed' },
  'groups.open': { parse: list, standard: [] },
  programs: { parse: oneOf('ignore', 'answer'), standard: 'ignore' },
  'limits.programTurns': { parse: whole, standard: 3 },
  'limits.messagesPerMinute': { parse: whole, standard: 60 },
};

export const accessNames = Object.keys(accessFields).map((name) => `access.${name}`);

const parse = (name: string, read: Parse, text: string): unknown => {
  try {
    return read(text.trim());
  } catch (error) {
    if (error instanceof CliError) throw new CliError('usage', `${name} does not fit. ${error.message}`);
    throw error;
  }
};

function accessField(name: string) {
  const field = accessFields[name.slice('access.'.length)];
  if (field) return field;
  throw new CliError('usage', `There is no ${name}. There are: ${accessNames.join(', ')}.`);
}

/** @param change of the copy, e.g. `groups.open` → `['*']` */
function changed(access: ChannelAccess, changes: ReadonlyMap<string, unknown>): ChannelAccess {
  const copy = structuredClone(access) as unknown as Record<string, Record<string, unknown>>;
  for (const [name, value] of changes) {
    const [outer, inner] = name.split('.') as [string, string?];
    if (inner === undefined) (copy as Record<string, unknown>)[outer] = value;
    else copy[outer]![inner] = value;
  }
  return copy as unknown as ChannelAccess;
}

/**
 * The body's part of what is no field of the kind. REST takes `access` as a whole, so what is not named of it is
 * taken from `current`.
 *
 * @throws {CliError} usage
 */
export function readOthers(
  current: ChannelAccess,
  { set, unset = [] }: { set: readonly [string, string][]; unset?: readonly string[] },
): Pick<ChannelUpdate, 'live' | 'guestTools' | 'access' | 'routes'> {
  const access = new Map<string, unknown>();
  const body: ReturnType<typeof readOthers> = {};
  for (const [name, text] of set) {
    if (name === 'live') body.live = parse(name, oneOf('true', 'false'), text) === 'true';
    else if (name === 'guestTools') body.guestTools = list(text) as string[];
    else access.set(name.slice('access.'.length), parse(name, accessField(name).parse, text));
  }
  for (const name of unset) {
    if (name === 'guestTools') body.guestTools = [];
    else if (name === 'routes') body.routes = [];
    else access.set(name.slice('access.'.length), accessField(name).standard);
  }
  if (access.size > 0) body.access = changed(current, access);
  return body;
}

const conditions = ['workspace', 'group', 'person', 'keyword', 'command'];

/**
 * Routes as options give them: `group=C024BE91L,agent=support`, in their order.
 * @throws {CliError} usage, not_found
 */
export function readRoutes(specs: readonly string[], agents: readonly Agent[]): ChannelRoute[] {
  return specs.map((spec) => {
    const parts = new Map(
      spec
        .split(',')
        .map((part) => [part.split('=', 1)[0]!.trim(), part.slice(part.indexOf('=') + 1).trim()]),
    );
    const agent = parts.get('agent');
    parts.delete('agent');
    const unknown = [...parts.keys()].filter((name) => !conditions.includes(name));
    if (agent === undefined || parts.size === 0 || unknown.length > 0) {
      throw new CliError(
        'usage',
        `"${spec}" is no route.`,
        `It is like group=C024BE91L,agent=support: one or more of ${conditions.join(', ')}, and the agent who answers there.`,
      );
    }
    const { id } = pick(agents, agent, { kind: 'agent', namesOf: ({ name }) => [name] });
    return { when: Object.fromEntries(parts), agentId: id };
  });
}

/** The same as REST takes them, from a file. @throws {CliError} usage */
export function readRoutesFile(path: string): ChannelRoute[] {
  try {
    // Absolutely whatever stands there: the server checks it, and names what is wrong.
    return JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8'));
  } catch (error) {
    throw new CliError('usage', `${path} cannot be read as JSON: ${(error as Error).message}`);
  }
}
