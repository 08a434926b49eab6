/** What installations of a release have applied: it stays as it is, and what is new comes after it. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Migration → SHA-256 of its SQL, in hexadecimal. */
export type Migrations = Readonly<Record<string, string>>;

/** @param directory a `prisma/migrations` */
export function readMigrations(directory: string): Migrations {
  return Object.fromEntries(
    globSync('*/migration.sql', { cwd: directory })
      .sort()
      // Whatever line ends a checkout has: installations take any.
      .map((path) => [dirname(path), readFileSync(join(directory, path), 'utf8').replaceAll('\r\n', '\n')])
      .map(([name, sql]) => [name, createHash('sha256').update(sql!).digest('hex')]),
  );
}

/** @returns a sentence for each migration that an installation of the release would refuse or apply out of order */
export function conflicts(released: Migrations, current: Migrations): string[] {
  const last = Object.keys(released).sort().at(-1)!;
  const kept = Object.entries(released).flatMap(([name, checksum]) => {
    if (current[name] === undefined) return [`${name} is missing: it was removed or renamed.`];
    return current[name] === checksum ? [] : [`${name} was changed: put the change into a new migration.`];
  });
  const early = Object.keys(current).filter((name) => released[name] === undefined && name < last);
  return [...kept, ...early.map((name) => `${name} is new and sorts before ${last}, which was released.`)];
}
