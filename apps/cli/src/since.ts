import { InvalidArgumentError } from 'commander';

const seconds: Record<string, number> = { m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Parses an option that is an instant: so long ago (`90m`, `24h`, `7d`, `2w`), a day, or RFC 3339. As RFC 3339. */
export function instant(value: string, now = Date.now()): string {
  const ago = /^(\d{1,5})([mhdw])$/.exec(value);
  if (ago) return new Date(now - Number(ago[1]) * seconds[ago[2]!]! * 1000).toISOString();
  const time = /^\d{4}-\d\d-\d\d(T.+)?$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError('It has to be like 24h, 7d, 2027-01-31, or 2027-01-31T08:00:00Z.');
  return new Date(time).toISOString();
}
