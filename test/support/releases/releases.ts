/** Releases as they were recorded (CONTRIBUTING.md, "Releases"): a folder each, named for the version. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const checkout = fileURLToPath(new URL('../../..', import.meta.url));

const directory = join(checkout, 'test/fixtures/releases');

export interface Release {
  /** `0.1.0` */
  version: string;
  /** Its folder. */
  directory: string;
  /** Migration → SHA-256 of its SQL, in hexadecimal. */
  migrations: Readonly<Record<string, string>>;
}

export const releaseDirectory = (version: string): string => join(directory, version);

/** All that were recorded, oldest first. */
export const releases: readonly Release[] = globSync('*/migrations.json', { cwd: directory })
  .map((path) => path.split('/', 1)[0]!)
  .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  .map((version) => ({
    version,
    directory: releaseDirectory(version),
    migrations: JSON.parse(readFileSync(join(releaseDirectory(version), 'migrations.json'), 'utf8')),
  }));

/** The one that people upgrade from. */
export const latestRelease: Release = releases.at(-1)!;
