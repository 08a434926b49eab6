import { CliError } from '../failure.ts';

/** `field=value` → its parts. @throws {CliError} usage */
export function readFields(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      if (at < 1) throw new CliError('usage', `"${line.slice(0, 20)}" is no field=value.`);
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
