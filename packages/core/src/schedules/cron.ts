/** Cron expressions, through croner. The one file that knows the library. */
import { Cron, CronPattern } from 'croner';
import { instantOf, wallTimeAt } from './wall-clock.ts';

/** What is wrong with an expression, in words that name the field. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

const fieldNames = ['minute', 'hour', 'day of month', 'month', 'day of week'] as const;
const ranges = ['0-59', '0-23', '1-31, or L for the last', '1-12 or JAN-DEC', '0-7 or SUN-SAT'] as const;
const nicknames = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'];

const parsePattern = (text: string) => new CronPattern(text, 'UTC', { mode: '5-part' });

/** @throws {CronError} */
export function assertCron(text: string): void {
  const expression = text.trim();
  if (expression.startsWith('@')) {
    if (nicknames.includes(expression.toLowerCase())) return;
    throw new CronError(`"${expression}" is none of ${nicknames.join(', ')}`);
  }
  const fields = expression.split(/\s+/);
  if (fields.length !== fieldNames.length) {
    throw new CronError(
      `has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'}, and needs 5: ${fieldNames.join(', ')}` +
        (fields.length === 6
          ? '. Seconds and years cannot be given; use everySeconds for less than a minute'
          : ''),
    );
  }
  for (const [index, field] of fields.entries()) {
    // The library does not always say which field it means. With stars in the others there is no doubt.
    const alone = fields.map((_, other) => (other === index ? field : '*')).join(' ');
    try {
      parsePattern(alone);
    } catch {
      throw new CronError(
        `the ${fieldNames[index]} "${field}" is not valid: it takes ${ranges[index]}, and ranges (1-5), lists (1,3) and steps (*/10) of these`,
      );
    }
  }
  try {
    parsePattern(expression);
  } catch (error) {
    throw new CronError(`"${expression}" is not valid: ${(error as Error).message}`);
  }
}

interface Expression {
  cron: Cron;
  /** It has every hour, so it is a rhythm and no time of day. */
  everyHour: boolean;
}

const expressions = new Map<string, Expression>();
const cacheSize = 1000;

function expressionOf(text: string, timezone: string): Expression {
  const key = `${timezone} ${text}`;
  let expression = expressions.get(key);
  if (!expression) {
    const everyHour = parsePattern(text).hour.every(Boolean);
    const cron = new Cron(text, { mode: '5-part', timezone: everyHour ? timezone : 'UTC' });
    expression = { cron, everyHour };
    if (expressions.size >= cacheSize) expressions.clear();
    expressions.set(key, expression);
  }
  return expression;
}

/**
 * The first slot after an instant, null when none ever comes (30 February).
 *
 * Expressions that name hours are read on the wall clock: of a time that daylight saving skips the next valid instant
 * is the slot, of one that it repeats the first. croner by itself does so only for a single time of day. Expressions
 * for every hour keep their rhythm instead, or `*\/5 * * * *` would fall silent for an hour in autumn.
 */
export function nextCron(text: string, timezone: string, after: Date): Date | null {
  const { cron, everyHour } = expressionOf(text, timezone);
  if (everyHour) return cron.nextRun(after);
  for (let wall = cron.nextRun(wallTimeAt(after, timezone)); wall; wall = cron.nextRun(wall)) {
    const instant = instantOf(wall, timezone);
    // Not so inside the second pass of a repeated hour, and where several skipped times fall on one instant.
    if (instant > after) return instant;
  }
  return null;
}
