/** The OpenAI-compatible API through every client that people use, with the defaults of each: what they repeat, and when. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../../support/api/index.ts';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { clientNames, createClients, type TestClient } from './clients.ts';

let product: Product;
let server: ModelServer;
let clients: Map<string, TestClient>;

/** One pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  // The model is tried once by each run, so that a run fails when it is told to.
  const targets = [{ model: await connectModel(product.owner, server) }];
  await createAgent(product.owner, { name: 'owl', model: { targets, maxAttempts: 1 } });
  const address = { baseURL: `${product.url}/openai/v1`, apiKey: product.owner.key!, model: 'owl' };
  clients = new Map(createClients(address).map((client) => [client.name, client]));
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

const countRuns = async () => Number((await product.sql('SELECT count(*) FROM run'))[0].count);
const schedule = {
  name: 'schedules.create',
  arguments: { name: 'reports', prompt: 'Report.', everySeconds: 86_400, timezone: 'UTC' },
};
const countSchedules = async () => Number((await product.sql('SELECT count(*) FROM schedule'))[0].count);
const refused: Step = { status: 404, message: 'No such model', code: 'model_not_found' };
const overloaded: Step = { status: 503, message: 'Overloaded' };

describe.each(clientNames)('%s', { timeout: 60_000 }, (name) => {
  const client = () => clients.get(name)!;
  const failure = async (asking: Promise<unknown>) =>
    client().statusOf(
      await asking.then(
        () => undefined,
        (error) => error,
      ),
    );

  it('chats', async () => {
    server.script([{ text: 'Hoo.' }]);
    expect(await client().chat('Who?')).toBe('Hoo.');
  });

  it('streams', async () => {
    server.script([{ text: ['Hoo ', 'hoo ', 'hoo.'], chunkMs: 60 }]);
    const pieces = await client().stream('Who?');
    expect(pieces.join('')).toBe('Hoo hoo hoo.');
    expect(pieces.length).toBeGreaterThan(1);
  });

  it('gets structured output, also when the model has to be asked again', async () => {
    const city = { name: 'Uppsala', people: 177_074 };
    server.script([{ text: 'Uppsala is nice.' }, { text: JSON.stringify(city) }]);
    expect(await client().structured(`Which city, ${name}?`)).toEqual(city);
    expect(server.requests).toHaveLength(2);
  });

  it('shows images', async () => {
    server.script([{ text: 'A pixel.' }]);
    expect(await client().see('What is it?', png)).toBe('A pixel.');
    const { content } = server.requests[0]!.body.messages.at(-1);
    expect(content).toContainEqual({
      type: 'image_url',
      image_url: { url: `data:image/png;base64,${png.toString('base64')}` },
    });
  });

  it('does not repeat what cannot be mended', async () => {
    const before = await countRuns();
    server.script(() => refused);
    expect(await failure(client().chat(`Permanent, ${name}`))).toBe(400);
    expect(await failure(client().stream(`Permanent stream, ${name}`))).toBe(400);
    expect(await countRuns()).toBe(before + 2);
  });

  it('repeats what goes away by itself', async () => {
    server.script([overloaded, { text: 'Here I am.' }]);
    expect(await client().chat(`Transient, ${name}`)).toBe('Here I am.');
    server.script([overloaded, { text: 'Here I am again.' }]);
    expect((await client().stream(`Transient stream, ${name}`)).join('')).toBe('Here I am again.');
  });

  it('does not act twice when a run fails after it has acted', async () => {
    const [runs, schedules] = [await countRuns(), await countSchedules()];
    server.script((_request, count) => (count === 0 ? { toolCalls: [schedule] } : overloaded));
    expect(await failure(client().chat(`Acts, ${name}`))).toBe(400);
    expect(await countRuns()).toBe(runs + 1);
    expect(await countSchedules()).toBe(schedules + 1);
    // A person who asks again in the same words joins it, too.
    expect(await failure(client().chat(`Acts, ${name}`))).toBe(400);
    expect(await countRuns()).toBe(runs + 1);
    expect(await countSchedules()).toBe(schedules + 1);
  });

  it('asks twice when it is asked twice', async () => {
    const before = await countRuns();
    server.script([{ text: 'One.' }, { text: 'Two.' }]);
    expect(await client().chat(`Twice, ${name}`)).toBe('One.');
    expect(await client().chat(`Twice, ${name}`)).toBe('Two.');
    expect(await countRuns()).toBe(before + 2);
  });
});
