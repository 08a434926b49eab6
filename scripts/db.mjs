#!/usr/bin/env node
import { fromRoot } from './lib/paths.mjs';
import { ensureGenerated, ensureInstalled } from './lib/prepare.mjs';
import { become, main } from './lib/run.mjs';

const USAGE = `Usage:
  npm run db:deploy                 apply the migrations to DATABASE_URL, or else to the embedded database
  npm run db:deploy -- --accept NAME        the database is what this changed or unfinished migration says
  npm run db:deploy -- --rolled-back NAME   nothing of this unfinished migration is there: apply it again
  npm run db:migrate -- NAME        write the migration that leads to prisma/schema.prisma
  npm run db:migrate -- --check     print what the migrations lack compared to the schema; exit 1 if anything
  npm run db:generate               generate the database client
`;

await main(async () => {
  const [command, ...args] = process.argv.slice(2);
  const isCall =
    (command === 'deploy' && args.length === 0) ||
    (command === 'deploy' && args.length === 2 && /^--(accept|rolled-back)$/.test(args[0])) ||
    (command === 'generate' && args.length === 0) ||
    (command === 'migrate' && args.length === 1);
  if (!isCall || args.includes('--help')) {
    console.error(USAGE);
    return command === '--help' || args.includes('--help') ? 0 : 2;
  }
  await ensureInstalled();
  if (command === 'generate') return void (await ensureGenerated({ force: true }));
  return await become(fromRoot('scripts/lib/database.mjs'), [command, ...args]);
});
