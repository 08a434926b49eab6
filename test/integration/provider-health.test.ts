/** What one worker learns of a key, the others know; and people see it and can mend it. */
import { openDatabase } from '@nightshift/core/database';
import { openEventBus } from '@nightshift/core/events';
import { createLog } from '@nightshift/core/log';
import { shareProviderHealth } from '@nightshift/core/provider-health';
import { createHealth, type HealthKey, ModelError } from '@nightshift/providers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ask, connectModel, createAgent, type Product, startProduct, stepsOf } from '../support/api/index.ts';
import { startReceiver } from '../support/channel/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
const log = createLog('test', 'silent');

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
});
beforeEach(async () => {
  server.reset();
  await product.sql('DELETE FROM provider_health');
});
afterAll(() => Promise.all([product.close(), server.close()]));

/** The health of one worker, as it is wired there. */
async function worker(url = product.env.databaseUrl) {
  const onConnectionError = () => {};
  const db = openDatabase({
    url,
    poolSize: 1,
    relaxedPoolSize: 2,
    applicationName: 'test',
    onConnectionError,
  });
  const bus = await openEventBus(product.env.databaseUrl, log);
  const sharing = shareProviderHealth({ db, bus, log });
  return {
    health: createHealth({ share: sharing }),
    async [Symbol.asyncDispose]() {
      await sharing.close();
      await bus.close();
      await db.close();
    },
  };
}

let keys = 0;
const newKey = (): HealthKey => ({
  id: `key ${keys++}`,
  scope: product.id,
  provider: 'acme',
  model: 'm1',
  credentialId: null,
  origin: null,
});
const refused = new ModelError('auth', 'The key was refused.');
const limited = new ModelError('rate', 'Too many requests.', { retryAfterMs: 1_000 });

const list = async () => (await product.owner.expect(200, product.owner.get('/v1/providers/health'))).data;

describe('between workers', () => {
  it('an opening and a closing are known to all', async () => {
    await using one = await worker();
    await using other = await worker();
    const key = newKey();
    one.health.ended(key, refused, false);
    await expect.poll(() => other.health.look(key)).toMatchObject({ error: { kind: 'auth' } });

    await product.owner.expect(200, product.owner.post('/v1/providers/health/reset', {}));
    await expect.poll(() => [one.health.look(key), other.health.look(key)]).toEqual(['try', 'try']);
  });

  it('one at a time tries what may be well again, and its answer opens it for all', async () => {
    await using one = await worker();
    await using other = await worker();
    const key = newKey();
    one.health.ended(key, limited, false);
    await expect.poll(() => [one.health.look(key), other.health.look(key)]).toEqual(['probe', 'probe']);
    const claims = await Promise.all([
      one.health.claimProbe(key, 60_000),
      other.health.claimProbe(key, 60_000),
    ]);
    expect(claims.toSorted()).toEqual([false, true]);
    const [winner, loser] = claims[0] ? [one, other] : [other, one];
    expect(loser.health.look(key)).toMatchObject({ error: { kind: 'rate' } });
    winner.health.answered(key, 120, true);
    await expect.poll(() => loser.health.look(key)).toBe('try');
  });

  it('a worker that begins knows what the others knew', async () => {
    const key = newKey();
    {
      await using one = await worker();
      one.health.ended(key, refused, false);
    }
    await using other = await worker();
    await expect.poll(() => other.health.look(key)).toMatchObject({ error: { kind: 'auth' } });
  });

  it('what cannot be stored keeps back nothing else', async () => {
    await using one = await worker();
    await using other = await worker();
    // The clock was set meanwhile.
    one.health.answered(newKey(), 3e9, false);
    const key = newKey();
    await expect
      .poll(() => {
        one.health.ended(key, refused, false);
        return other.health.look(key);
      })
      .toMatchObject({ error: { kind: 'auth' } });
  });

  it('a time to the first token changes no state that another has told', async () => {
    await using one = await worker();
    const key = newKey();
    one.health.ended(key, refused, false);
    await expect.poll(async () => (await list()).length).toBe(1);
    {
      await using other = await worker();
      other.health.answered(key, 80, false);
    }
    expect(await list()).toMatchObject([{ state: 'open', firstTokenMs: 80 }]);
  });

  it('the database may be away: each goes by what it knows', async () => {
    await using alone = await worker('postgresql://nobody@127.0.0.1:1/nothing');
    const key = newKey();
    alone.health.ended(key, limited, false);
    expect(alone.health.look(key)).toMatchObject({ error: { kind: 'rate' } });
    await expect.poll(() => alone.health.look(key)).toBe('probe');
    expect(await alone.health.claimProbe(key, 1_000)).toBe(true);
    alone.health.answered(key, 80, true);
    expect(alone.health.look(key)).toBe('try');
  });
});

describe('GET /v1/providers/health', () => {
  it('is empty before anything was called', async () => {
    expect(await list()).toEqual([]);
  });

  it('shows what runs have found out, until somebody says that it is mended', async () => {
    const model = await connectModel(product.owner, server);
    const agentId = await createAgent(product.owner, { model });
    const one = await product.startWorker();
    server.script([{ status: 401, message: 'Revoked' }]);
    await ask(product.owner, agentId, 'hello');
    await expect.poll(list).toMatchObject([
      {
        target: model,
        keyLabel: model.split('/')[0],
        state: 'open',
        openUntil: expect.any(String),
        failures: 1,
        lastError: { kind: 'auth', message: expect.stringContaining('Revoked') },
        succeededAt: null,
      },
    ]);
    expect(JSON.stringify(await list())).not.toContain('sk-');
    expect((await product.owner.get('/metrics')).text).toMatch(
      /nightshift_model_open_circuits\{provider="endpoint-\d+",process="api"\} 1/,
    );
    await one.close();

    // Another worker does not try the key again.
    const other = await product.startWorker();
    const { runId, error } = await ask(product.owner, agentId, 'hello');
    expect(error?.message).toMatch(/Revoked\. Not tried again for \d more minutes/);
    expect((await stepsOf(product.owner, runId))[0].modelAttempts).toEqual([]);

    const admin = await product.caller('admin');
    const body = await admin.expect(200, admin.post('/v1/providers/health/reset', { target: model }));
    expect(body.data).toMatchObject([{ target: model, state: 'closed', failures: 0 }]);
    await expect.poll(async () => (await ask(product.owner, agentId, 'hello')).status).toBe('succeeded');
    await expect.poll(list).toMatchObject([{ state: 'closed', firstTokenMs: expect.any(Number) }]);
    await other.close();
  });

  it('is told to webhooks when a key is refused, once until it works again', async () => {
    const receiver = await startReceiver();
    const webhook = { url: receiver.url, events: ['provider.key_refused'] };
    const { id } = await product.owner.expect(201, product.owner.post('/v1/webhooks', webhook));
    onTestFinished(async () => void (await product.owner.delete(`/v1/webhooks/${id}`)));
    const model = await connectModel(product.owner, server);
    const agentId = await createAgent(product.owner, { model });
    const one = await product.startWorker();
    server.script(() => ({ status: 402, message: 'Pay first' }));
    const { runId, conversationId } = await ask(product.owner, agentId, 'hello');
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(receiver.received[0]!.body).toMatchObject({
      type: 'provider.key_refused',
      data: {
        target: model,
        keyLabel: model.split('/')[0],
        kind: 'billing',
        message: expect.stringContaining('Pay first'),
        until: expect.stringMatching(/Z$/),
        runId,
        agentId,
        conversationId,
      },
    });
    // Its time is over, and it is refused still.
    await product.sql('UPDATE provider_health SET open_until = now()');
    await one.close();
    const other = await product.startWorker();
    const again = await ask(product.owner, agentId, 'hello');
    expect((await stepsOf(product.owner, again.runId))[0].modelAttempts).toMatchObject([
      { outcome: 'billing' },
    ]);
    await other.close();
    expect(await product.sql('SELECT id FROM delivery WHERE webhook_id = $1', [id])).toHaveLength(1);
    await receiver.close();
  });

  it('shows a team nothing of another', async () => {
    await product.sql(
      `INSERT INTO provider_health (id, team_id, provider, model, open_until, failures) VALUES ('x', $1, 'acme', 'm', now() + interval '1 hour', 3)`,
      [product.id],
    );
    const other = await product.addTeam('other');
    expect((await other.owner.get('/v1/providers/health')).body).toEqual({ data: [] });
    await other.owner.expect(200, other.owner.post('/v1/providers/health/reset', {}));
    expect(await list()).toMatchObject([{ state: 'open', failures: 3 }]);
  });
});
