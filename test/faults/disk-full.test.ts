/** The disk under the database fills up: what cannot be stored is refused, and all goes on when there is room again. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import { assertNothingLost, converse, echoMarks, until } from '../support/faults/index.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

/** A small file system of its own. Mounting takes root, and not every container allows it. */
function mountSmallDisk(): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', directory]);
  if (status === 0) return directory;
  rmdirSync(directory);
  return null;
}

function unmount(directory: string): void {
  spawnSync('umount', ['--lazy', directory]);
  rmdirSync(directory);
}

const disk = mountSmallDisk();

describe.skipIf(disk === null)(
  `a full disk${disk === null ? ' (skipped: a file system cannot be mounted here)' : ''}`,
  () => {
    const directory = disk!;
    let postgres: EmbeddedPostgres;
    let cluster: TestCluster;
    let agentId: string;
    let closed = false;

    /** As the supervisor of `npm start` does. */
    async function keepRunning(): Promise<void> {
      postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
      postgres.exited.then(async () => {
        while (
          !closed &&
          (await keepRunning().then(
            () => false,
            () => true,
          ))
        );
      });
    }

    beforeAll(async () => {
      await keepRunning();
      cluster = await startTestCluster({ databaseUrl: postgres.url });
      agentId = await createAgent(cluster.owner, { model: cluster.model, queueMode: 'followup' });
    });

    afterAll(async () => {
      await cluster?.close();
      closed = true;
      await postgres?.stop();
      unmount(directory);
    });

    /** Takes all the room there is. */
    function fill(path: string): void {
      const file = openSync(path, 'w');
      const size = 64 * 1024;
      try {
        for (;;) if (writeSync(file, Buffer.alloc(size, 1)) < size) return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    }

    it('is said clearly, loses nothing, and passes', async () => {
      const path = join(directory, 'filler');
      const text = `Long <c9-0> ${'x'.repeat(50_000)}`;
      const post = () => cluster.owner.post(`/v1/agents/${agentId}/messages`, { text });
      cluster.server.script(echoMarks({ delayMs: 500 }));
      const talking = converse(cluster.owner, {
        agentIds: [agentId],
        conversations: 5,
        messages: 8,
        pauseMs: 700,
      });
      fill(path);
      const statuses = new Set<number>();
      let refused: Awaited<ReturnType<typeof post>> | undefined;
      await until(
        'a message is refused',
        async () => {
          const answer = await post();
          statuses.add(answer.status);
          if (answer.status !== 202) refused = answer;
          return refused !== undefined;
        },
        15_000,
      );
      expect(refused).toMatchObject({
        status: 503,
        body: { code: 'unavailable', detail: expect.any(String) },
      });
      rmSync(path);
      await until('it takes messages again', async () => (await post()).status === 202);
      await assertNothingLost(cluster, await talking);
      expect([...statuses].sort()).toEqual(statuses.has(202) ? [202, 503] : [503]);
      expect([cluster.api, ...cluster.workers].map(({ running }) => running)).toEqual([true, true]);
    });
  },
);
