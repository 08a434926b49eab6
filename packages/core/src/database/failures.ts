/** What an error of the database means. */

/** Whether Postgres refused a write because such a row exists already. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === '23505' || code === 'P2002';
}

/**
 * Whether the database could not be reached or went away, rather than refused what it was asked. The work is then
 * undone, not failed: somebody does it again when the database is back.
 * https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  const { code, message, syscall } = (error ?? {}) as {
    code?: unknown;
    message?: unknown;
    syscall?: unknown;
  };
  // Whatever the reason: on a unix socket it is ENOENT, since a server that stops takes its socket along.
  if (syscall === 'connect') return true;
  if (
    typeof code === 'string' &&
    /^(08(?!P01)|53|57P|E(CONN|PIPE|TIMEDOUT|NOTFOUND)|P1001|P1017|P2024|P2028)/.test(code)
  )
    return true;
  return (
    typeof message === 'string' &&
    /^(Connection terminated|timeout exceeded when trying to connect)/.test(message)
  );
}

/**
 * Whether the database undid a transaction because of others at the same moment (a deadlock, for instance): the same work,
 * done again as a whole, succeeds.
 */
export const isConflict = (error: unknown): boolean =>
  /^(40|55P03|P2034)/.test(String((error as { code?: unknown } | null)?.code));

/** Whether it says nothing of the work itself: somebody does it again later. */
export const isPassing = (error: unknown): boolean => isDatabaseUnavailable(error) || isConflict(error);

/** Nothing is in the way so often. */
const maxAttempts = 10;

/** Does work again that conflicts with others undid. It is one transaction, and keeps nothing of an attempt that failed. */
export async function untilNoConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempts === maxAttempts) throw error;
    }
  }
}

/**
 * Whether the database refuses what it was given, rather than the way it was asked: a text that it cannot hold, a value out
 * of range, a row or document that is too large, a constraint. The same values are refused again.
 */
export function isValueRefused(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  // Too large for a string of ours, or (XX000) for the server's memory; P0001 is what a trigger raises.
  if (error instanceof RangeError) return true;
  return typeof code === 'string' && /^(22|23|54|P0001|XX000)/.test(code) && !isUniqueViolation(error);
}
