/** Figures for people. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `now`, `12s ago`, `5m ago`, `3h ago`, `4d ago`, then the date. */
export function ago(timestamp: string | null, now = Date.now()): string {
  if (timestamp === null) return 'never';
  const passed = now - Date.parse(timestamp);
  if (passed < second) return 'now';
  if (passed < minute) return `${Math.floor(passed / second)}s ago`;
  if (passed < hour) return `${Math.floor(passed / minute)}m ago`;
  if (passed < day) return `${Math.floor(passed / hour)}h ago`;
  if (passed < 30 * day) return `${Math.floor(passed / day)}d ago`;
  return timestamp.slice(0, 10);
}

/** `850ms`, `3.2s`, `2m05s`, `1h04m`. */
export function duration(ms: number): string {
  if (ms < second) return `${Math.round(ms)}ms`;
  if (ms < 10 * second) return `${(ms / second).toFixed(1)}s`;
  if (ms < minute) return `${Math.floor(ms / second)}s`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (ms < hour) return `${Math.floor(ms / minute)}m${two((ms % minute) / second)}s`;
  return `${Math.floor(ms / hour)}h${two((ms % hour) / minute)}m`;
}

/** Between two timestamps; up to now while the end is open, nothing before the start. */
export function took(startedAt: string | null, endedAt: string | null, now = Date.now()): string {
  if (startedAt === null) return '';
  return duration(Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt)));
}

/** `1,234,567` */
export const count = (value: number) => value.toLocaleString('en-US');

/** A decimal string in USD: cents from a dollar on, three digits that say something below. */
export function usd(amount: string | null): string {
  if (amount === null) return 'unknown';
  const value = Number(amount);
  return value.toLocaleString('en-US', {
    style: 'currency',
    currency: 'USD',
    ...(value === 0 ? { maximumFractionDigits: 0 } : value < 1 ? { maximumSignificantDigits: 3 } : {}),
  });
}

/** `12.3 GB`, in steps of 1,000. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return `${(value / 1000 ** step).toFixed(step > 2 ? 1 : 0)} ${units[step]}`;
}
