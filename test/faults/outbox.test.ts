/** What is to leave does leave, in order, whatever happens to the worker that sends it or to whoever receives it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, createAgent, say } from '../support/api/talk.ts';
import { closeGate, until } from '../support/faults/index.ts';
import { describeQueues, startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';

interface Received {
  /** The same for every attempt to tell of one event. */
  id: string;
  text: string;
  conversationId: string;
}

describeQueues('the outbox', (queue) => {
  let cluster: TestCluster;
  let agentId: string;
  let receiver: Server;
  let port: number;
  const received: Received[] = [];

  async function startReceiver(): Promise<void> {
    receiver = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        const { data } = JSON.parse(body);
        const { conversationId, message } = data;
        received.push({ id: String(request.headers['webhook-id']), text: message.text, conversationId });
        response.writeHead(204).end();
      });
    });
    receiver.listen(port ?? 0, '127.0.0.1');
    await once(receiver, 'listening');
    port = (receiver.address() as AddressInfo).port;
  }

  async function stopReceiver(): Promise<void> {
    receiver.close();
    receiver.closeAllConnections();
    await once(receiver, 'close');
  }

  beforeAll(async () => {
    await startReceiver();
    cluster = await startTestCluster({ queue, env: { OUTBOUND_ALLOW: '127.0.0.1' } });
    cluster.server.script();
    agentId = await createAgent(cluster.owner, { model: cluster.model });
    const webhook = { url: `http://127.0.0.1:${port}/`, events: ['message.created'] };
    await cluster.owner.expect(201, cluster.owner.post('/v1/webhooks', webhook));
  });

  afterAll(async () => {
    await cluster?.close();
    await stopReceiver();
  });

  it('a worker killed between sending and noting it: sent again under the same id, and what follows after it', async () => {
    const gate = await closeGate(cluster.databaseUrl, {
      on: 'UPDATE',
      table: 'delivery',
      when: `NEW.parts_sent > OLD.parts_sent OR NEW.status = 'sent'`,
    });
    const { conversationId } = await ask(cluster.owner, agentId, 'one');
    await until(
      'it is received, and not noted',
      async () => received.length === 1 && (await gate.waiting()) === 1,
    );
    await ask(cluster.owner, agentId, 'two', conversationId);
    await cluster.workers[0]!.end();
    await gate.cut();
    await gate.open();
    await cluster.startWorker();
    await until('all is received', () => received.length === 3);
    expect(received.map(({ text }) => text)).toEqual(['one', 'one', 'two']);
    const [first, again, second] = received.map(({ id }) => id);
    expect(again).toBe(first);
    expect(second).not.toBe(first);
  });

  it('a receiver that is down: the answers do not wait for it, and it gets them all, in order', async () => {
    await stopReceiver();
    received.length = 0;
    const { conversationId } = await ask(cluster.owner, agentId, 'message 0');
    for (let index = 1; index < 4; index += 1)
      await ask(cluster.owner, agentId, `message ${index}`, conversationId);
    const other = await say(cluster.owner, agentId, 'elsewhere');
    await sleep(3_000);
    await startReceiver();
    await until('all is received', () => received.length === 5);
    const texts = (id: string) =>
      received.filter((event) => event.conversationId === id).map(({ text }) => text);
    expect(texts(conversationId)).toEqual(['message 0', 'message 1', 'message 2', 'message 3']);
    expect(texts(other.conversationId)).toEqual(['elsewhere']);
    await until('all is noted', async () => {
      const open = await cluster.sql(`SELECT FROM delivery WHERE status <> 'sent'`);
      return open.length === 0;
    });
  });
});
