/** SIGKILL of the only worker, at every moment of a run at once. Another one goes on where the journal ends. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, createAgent, runEnd, saidIn, say, stepsOf } from '../support/api/talk.ts';
import { closeGate, echoMarks, until } from '../support/faults/index.ts';
import { describeQueues, startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';
import type { RecordedRequest, Step } from '../support/model-server/index.ts';

/** Until a run that a killed worker held is taken over and answered. */
const recoveryMs = 20_000;

interface Said {
  runId: string;
  conversationId: string;
}

describeQueues('a killed worker', (queue) => {
  let cluster: TestCluster;
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-killed-'));
  const file = (name: string) => join(directory, name);
  const runs: Record<string, Said> = {};
  /** From the kill to the answer, in milliseconds. */

  const echo = echoMarks();
  /** The model's side of each conversation: the first word of what was said tells which. */
  const plays: Record<string, (request: RecordedRequest, times: number) => Step | undefined> = {
    model: (_request, times) => (times === 1 ? { fault: 'hang-after', text: 'Half an ans' } : undefined),
    answered: (_request, times) =>
      times <= 2
        ? { toolCalls: [{ name: 'notes.write', arguments: { name: 'a', text: 'kept' } }] }
        : undefined,
    written: ({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: 'notes.write', arguments: { name: 'w', text: 'kept' } }] }
        : undefined,
    once: ({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: 'test.once', arguments: { file: file('once') } }] }
        : undefined,
    idempotent: ({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: 'test.idempotent', arguments: { file: file('idempotent') } }] }
        : undefined,
  };
  const requestsOf = (name: string) =>
    cluster.server.requests.filter(({ body }) => JSON.stringify(body).includes(`Play ${name} `));

  beforeAll(async () => {
    cluster = await startTestCluster({ queue, workerProgram: 'worker-with-tools' });
    cluster.server.script((request) => {
      const name = /Play (\w+) /.exec(JSON.stringify(request.body))?.[1] ?? '';
      return plays[name]?.(request, requestsOf(name).length) ?? echo(request);
    });
    const agentId = await createAgent(cluster.owner, { model: cluster.model });
    // So that no write below is the first one in a minute to note when the model's key was last used: it would hold
    // that row, and with it all other runs.
    await ask(cluster.owner, agentId, 'Good morning <c0-0>');
    const answerGate = await closeGate(cluster.databaseUrl, {
      on: 'UPDATE',
      table: 'step',
      when: `NEW.kind = 'model' AND NEW.status = 'succeeded' AND NEW.output::text LIKE '%"a"%'`,
    });
    const toolGate = await closeGate(cluster.databaseUrl, {
      on: 'UPDATE',
      table: 'step',
      when: `NEW.name = 'notes.write' AND NEW.status = 'succeeded'`,
    });
    const endGate = await closeGate(cluster.databaseUrl, {
      on: 'INSERT',
      table: 'message',
      when: `NEW.role = 'assistant'`,
    });
    const gates = [answerGate, toolGate, endGate];
    for (const name of [...Object.keys(plays), 'end']) {
      runs[name] = await say(cluster.owner, agentId, `Play ${name} <c0-0>`);
    }
    await until('all runs are where they are to be killed', async () => {
      const waiting = await Promise.all(gates.map((gate) => gate.waiting()));
      const begun = ['once', 'idempotent'].every((name) => existsSync(file(name)));
      return begun && waiting.every((count) => count === 1) && requestsOf('model').length === 1;
    });

    // Waits, as the run's end does, for the lane's row.
    const another = say(cluster.owner, agentId, 'And <c0-1>', runs.end!.conversationId);
    const [worker] = cluster.workers;
    await worker!.end('SIGKILL');
    for (const gate of gates) {
      await gate.cut();
      await gate.open();
    }
    runs.another = await another;
    await cluster.startWorker();
  });

  afterAll(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const answered = async (name: string) => {
    const run = await runEnd(cluster.owner, runs[name]!.runId, recoveryMs);
    expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
    return run;
  };
  const stepsIn = async (name: string) =>
    (await stepsOf(cluster.owner, runs[name]!.runId)).map(
      ({ kind, status, attempts }: { kind: string; status: string; attempts: number }) =>
        `${kind} ${status} ${attempts}`,
    );

  it('in a model call: the model is asked again', async () => {
    await answered('model');
    expect(await stepsIn('model')).toEqual(['model succeeded 2']);
    expect(await saidIn(cluster.owner, runs.model!.conversationId)).toEqual([
      'user: Play model <c0-0>',
      'assistant: <c0-0>',
    ]);
    expect(requestsOf('model')).toHaveLength(2);
  });

  it('after the answer, before its journal row: the model is asked again, and no tool had started', async () => {
    await answered('answered');
    expect(await stepsIn('answered')).toEqual(['model succeeded 2', 'tool succeeded 1', 'model succeeded 1']);
    expect(requestsOf('answered')).toHaveLength(3);
  });

  it('between an idempotent tool and its journal row: the tool runs again, the model is not asked again', async () => {
    await answered('written');
    expect(await stepsIn('written')).toEqual(['model succeeded 1', 'tool succeeded 2', 'model succeeded 1']);
    expect(requestsOf('written')).toHaveLength(2);
    expect(await cluster.sql(`SELECT text FROM note WHERE name = 'w'`)).toEqual([{ text: 'kept' }]);

    await answered('idempotent');
    const keys = readFileSync(file('idempotent'), 'utf8').trim().split('\n');
    expect(keys).toEqual([`${runs.idempotent!.runId}:1`, `${runs.idempotent!.runId}:1`]);
  });

  it('in a tool that must not be repeated: it is not, and everybody is told', async () => {
    const { warnings } = await answered('once');
    expect(warnings).toEqual([expect.stringContaining('test.once was interrupted')]);
    expect(readFileSync(file('once'), 'utf8')).toBe(`${runs.once!.runId}:1\n`);
    expect(requestsOf('once')).toHaveLength(2);
    expect(requestsOf('once')[1]!.toolResults).toEqual([expect.stringContaining('unknown')]);
    expect(await stepsIn('once')).toEqual(['model succeeded 1', 'tool failed 2', 'model succeeded 1']);
  });

  it('at the end of a run: it is answered once, with what was said meanwhile', async () => {
    await answered('end');
    await answered('another');
    const said = await saidIn(cluster.owner, runs.end!.conversationId);
    expect(said.filter((line) => line.startsWith('user'))).toEqual([
      'user: Play end <c0-0>',
      'user: And <c0-1>',
    ]);
    const answers = said.filter((line) => line.startsWith('assistant'));
    expect(answers.join(' ').match(/<c0-\d>/g)).toEqual(['<c0-0>', '<c0-1>']);
  });
});
