/** First boot: a default team, its owner key, and one agent to talk to. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentCreate } from '@nightshift/contracts';
import { createAgent } from '../agents/index.ts';
import { createApiKey, generateApiKey, hashApiKey } from '../api-keys/index.ts';
import { type Database, newId } from '../database/index.ts';
import type { KeyOrigin } from '../generated/prisma/client.ts';
import { closeFile } from '../secrets/index.ts';

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
  /** What the operator should know of the keys of the installation, for the log. */
  warnings: string[];
}

/** As `NIGHTSHIFT_ADMIN_KEY` has to be. */
const keyPattern = /^ns_[A-Za-z0-9_-]{22,}$/;
const presetName = 'NIGHTSHIFT_ADMIN_KEY';

function keepKey(path: string, directory: string, key: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(path, `${key}\n`, { mode: 0o600, flush: true });
  chmodSync(path, 0o600);
}

function readKey(path: string): string | null {
  closeFile(path);
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Lets the key count that the installation has now, in the place of the one it had before: whoever replaces a key that
 * leaked means that the old one opens nothing any more. A key that was revoked stays so, also when it is given again.
 *
 * @returns whether it counts
 */
async function replaceKey(db: Database, teamId: string, key: string, origin: KeyOrigin): Promise<boolean> {
  const hash = new Uint8Array(hashApiKey(key));
  const known = await db.prisma.apiKey.findUnique({ where: { hash } });
  // An old process that starts again with the key before must not end the one that took its place.
  if (known?.revokedAt) return false;
  if (!known) {
    const name = origin === 'environment' ? presetName : 'first owner';
    await createApiKey(db, { teamId, role: 'owner' }, { name, role: 'owner' }, key, origin);
  } else if (known.origin !== origin) {
    await db.prisma.apiKey.update({ where: { hash }, data: { origin } });
  }
  await db.prisma.apiKey.updateMany({
    where: { teamId, origin, revokedAt: null, hash: { not: hash } },
    data: { revokedAt: new Date() },
  });
  return true;
}

/** The key that the environment has preset before goes on to count, since clients may work with it: only a warning tells. */
async function formerWarnings(db: Database, teamId: string): Promise<string[]> {
  const former = await db.prisma.apiKey.findMany({
    where: {
      teamId,
      role: 'owner',
      revokedAt: null,
      OR: [{ origin: 'environment' }, { origin: null, name: presetName }],
    },
  });
  return former.map(
    ({ id, last4 }) =>
      `The owner key ${id} (…${last4}) came from ${presetName}, which is not set any more, and still counts. If it is not to, revoke it: nightshift keys revoke ${id}`,
  );
}

/** Keys of the environment that version 0.1.0 left without a mark, so that nobody can tell whether they still count. */
async function unmarkedWarnings(db: Database, teamId: string): Promise<string[]> {
  const unmarked = await db.prisma.apiKey.findMany({
    where: { teamId, name: presetName, role: 'owner', origin: null, revokedAt: null },
  });
  return unmarked.map(
    ({ id, last4 }) =>
      `The owner key ${id} (…${last4}) is named ${presetName} and is not what that variable holds. If it is a former one, revoke it: nightshift keys revoke ${id}`,
  );
}

/**
 * Makes what a fresh install needs, once; several processes may call it at the same time. The key that the environment
 * presets, or else that the file holds, is an owner key, which is also the way back in when all keys are lost; the one
 * that it replaces is revoked.
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
    const hadAgent = (await db.prisma.agent.count({ where: { teamId: team.id } })) > 0;
    const hadKey = (await db.prisma.apiKey.count({ where: { teamId: team.id } })) > 0;
    const warnings: string[] = [];
    let newAdminKey: string | null = null;
    if (adminKey) {
      if (!(await replaceKey(db, team.id, adminKey, 'environment'))) {
        warnings.push(`The key that ${presetName} holds was revoked, and stays so: set another one.`);
      }
      warnings.push(...(await unmarkedWarnings(db, team.id)));
    } else {
      // The file comes first: a crash in between leaves a key in a file that the next boot takes, never a team
      // whose only key nobody knows.
      const kept = readKey(path);
      if (!hadKey) {
        newAdminKey = kept ?? generateApiKey();
        keepKey(path, dataDirectory, newAdminKey);
      }
      const key = newAdminKey ?? kept;
      if (key && keyPattern.test(key)) await replaceKey(db, team.id, key, 'file');
      else if (key) warnings.push(`${path} holds no key: "ns_" and at least 22 characters of [A-Za-z0-9_-].`);
      warnings.push(...(await formerWarnings(db, team.id)));
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
    return { adminKeyPath: adminKey ? null : path, newAdminKey, warnings };
  } finally {
    // Closing the session would release the lock too; a session that went back to the pool would not.
    await client.query('SELECT pg_advisory_unlock($1)', [bootstrapLock]);
    client.release();
  }
}
