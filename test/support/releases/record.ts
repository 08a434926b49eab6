/**
 * Records a release: its migrations, its source, and the database of an installation of it that was killed in the middle
 * of its work. Run by `npm run release:record`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import { startCluster } from '../faults/index.ts';
import { recordDatabase } from './database.ts';
import { readMigrations } from './migrations.ts';
import { releaseDirectory } from './releases.ts';
import { packSource, unpackSource } from './source.ts';
import { stage } from './stage/index.ts';
import { openSurroundings, secrets } from './surroundings.ts';

const usage = `Usage: npm run release:record -- VERSION [REVISION]

Records a release for the tests of later versions: test/fixtures/releases/VERSION.
REVISION is what git calls it. Default: HEAD.
`;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean' } } });
const [version, revision = 'HEAD'] = positionals;
if (values.help || !/^\d+\.\d+\.\d+$/.test(version ?? '')) {
  process.stderr.write(usage);
  process.exit(values.help ? 0 : 2);
}

const directory = releaseDirectory(version!);
const writeJson = (name: string, content: object) =>
  writeFileSync(join(directory, name), `${JSON.stringify(content, null, 2)}\n`);

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
packSource(revision, directory);
await using resources = new AsyncDisposableStack();
const source = unpackSource(directory);
resources.defer(source.remove);
writeJson('migrations.json', readMigrations(join(source.root, 'prisma/migrations')));
const surroundings = await openSurroundings();
resources.defer(surroundings.close);
const postgres = await startEmbeddedPostgres({
  directory: join(surroundings.directory, 'postgres'),
  durable: false,
});
resources.defer(postgres.stop);
const cluster = await startCluster({
  databaseUrl: postgres.url,
  root: source.root,
  workerProgram: 'worker-with-tools',
  adminKey: secrets.adminKey,
  env: { NIGHTSHIFT_SECRET_KEY: secrets.secretKey, OUTBOUND_ALLOW: '127.0.0.1' },
});
resources.defer(cluster.close);
try {
  const staged = await stage({ cluster, databaseUrl: postgres.url, surroundings });
  await recordDatabase(postgres.url, directory, surroundings.places);
  writeJson('staged.json', staged);
} catch (error) {
  process.stderr.write(`${cluster.output()}\n`);
  throw error;
}
