/** First boot: a default team, its owner key, and one agent to talk to. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentCreate } from '@nightshift/contracts';
import { createAgent } from '../agents/index.ts';
import { createApiKey, generateApiKey, hashApiKey } from '../api-keys/index.ts';
import { type Database, newId } from '../database/index.ts';

/** Held while the default team is made; any constant that nothing else in this database uses. */
const bootstrapLock = 7_306_010;

export interface BootstrapOptions {
  /** Presets the owner key (`NIGHTSHIFT_ADMIN_KEY`). */
  adminKey: string | undefined;
  dataDirectory: string;
}

export interface Bootstrap {
  /** Where the owner key is kept; null when the environment presets it. */
  adminKeyPath: string | null;
  /** Set on the very first boot only. */
  newAdminKey: string | null;
}

function keepKey(path: string, directory: string, key: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(path, `${key}\n`, { mode: 0o600, flush: true });
  chmodSync(path, 0o600);
}

function readKey(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes what a fresh install needs, once; several processes may call it at the same time. A preset key is added as
 * an owner key whenever it is not one yet, which is also the way back in when all keys are lost.
 */
export async function bootstrap(
  db: Database,
  { adminKey, dataDirectory }: BootstrapOptions,
): Promise<Bootstrap> {
  const path = join(dataDirectory, 'admin-key');
  const client = await db.pool.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [bootstrapLock]);
    const team =
      (await db.prisma.team.findFirst({ orderBy: { id: 'asc' } })) ??
      (await db.prisma.team.create({ data: { id: newId(), name: 'default' } }));
    const owner = { teamId: team.id, role: 'owner' } as const;
    const hadAgent = (await db.prisma.agent.count({ where: { teamId: team.id } })) > 0;
    const hadKey = (await db.prisma.apiKey.count({ where: { teamId: team.id } })) > 0;
    let newAdminKey: string | null = null;
    if (adminKey) {
      const hash = new Uint8Array(hashApiKey(adminKey));
      if (!(await db.prisma.apiKey.findUnique({ where: { hash } }))) {
        await createApiKey(db, owner, { name: 'NIGHTSHIFT_ADMIN_KEY', role: 'owner' }, adminKey);
      }
    } else if (!hadKey) {
      // The file comes first: a crash in between leaves a key in a file that the next boot takes, never a team
      // whose only key nobody knows.
      newAdminKey = readKey(path) ?? generateApiKey();
      keepKey(path, dataDirectory, newAdminKey);
      await createApiKey(db, owner, { name: 'first owner', role: 'owner' }, newAdminKey);
    }
    if (!hadAgent) {
      await createAgent(
        db,
        team.id,
        AgentCreate.parse({
          name: 'assistant',
          instructions: 'You are a helpful assistant. Answer briefly. Use your tools where they help.',
          model: 'auto',
        }),
      );
    }
    return { adminKeyPath: adminKey ? null : path, newAdminKey };
  } finally {
    // Closing the session would release the lock too; a session that went back to the pool would not.
    await client.query('SELECT pg_advisory_unlock($1)', [bootstrapLock]);
    client.release();
  }
}
