import { type Command, InvalidArgumentError, Option } from 'commander';

/** How much of a list is shown. */
export interface ListOptions {
  limit: number;
  all?: boolean;
}

/** `--limit` and `--all` of a command that lists. */
export const withPages = (command: Command, limit = 50): Command =>
  command
    .addOption(new Option('--limit <n>', 'how many').argParser(integer).default(limit))
    .addOption(new Option('--all', 'all there are').conflicts('limit'));

/** An option of several choices: `a,b`, or repeated. */
export const several = <T extends string>(
  flags: string,
  description: string,
  choices: readonly T[],
): Option =>
  new Option(flags, `${description}; several by commas`).choices(choices).argParser(parseSeveral(choices));

const parseSeveral =
  <T extends string>(choices: readonly T[]) =>
  (value: string, before: T[] | undefined): T[] => {
    const given = value.split(',').map((each) => each.trim());
    const wrong = given.find((each) => !choices.some((choice) => choice === each));
    if (wrong !== undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
    return [...(before ?? []), ...(given as T[])];
  };

/** Parses a time: RFC 3339, a day, or so long ago (`2h`, `7d`). @returns RFC 3339 */
export function moment(value: string): string {
  const ago = /^(\d{1,6})([mhdw])$/.exec(value);
  const units: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
  const time = ago ? new Date(Date.now() - Number(ago[1]) * units[ago[2]!]!) : new Date(value);
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('It has to be a time such as 2027-01-31, 2027-01-31T08:00:00Z, 2h or 7d.');
  return time.toISOString();
}

/** `--from` and `--to` of a command that lists. */
export const withTimes = (command: Command, what: string): Command =>
  command
    .addOption(
      new Option('--from <time>', `${what} then or later: a time, or so long ago (2h, 7d)`).argParser(moment),
    )
    .addOption(new Option('--to <time>', `${what} before`).argParser(moment));

/** Parses an option that is a whole number above 0. */
export function integer(value: string): number {
  if (!/^[1-9]\d{0,9}$/.test(value)) throw new InvalidArgumentError('It has to be a whole number above 0.');
  return Number(value);
}
