import { openDatabase } from '@nightshift/core/database';
import { migrateQueue } from '@nightshift/core/queue';
import { createTestDatabase } from '../../support/postgres/index.ts';
import { describeQueue } from './suite.ts';

describeQueue('Postgres', async () => {
  const database = await createTestDatabase();
  const db = openDatabase({
    url: database.url,
    poolSize: 1,
    relaxedPoolSize: 8,
    applicationName: 'queue test',
    onConnectionError: () => {},
  });
  await migrateQueue(db.relaxed);
  return {
    connection: { redisUrl: undefined, pool: db.relaxed },
    holderArguments: [database.url],
    async close() {
      await db.close();
      await database.drop();
    },
  };
});
