/** Long histories that clients bring along with each request: what an earlier request made of them is used again. */
import { pruneHistorySummaries } from '@nightshift/core/conversations';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let talker: ModelServer;
let keeper: ModelServer;
let summaries = 0;

beforeAll(async () => {
  [product, talker, keeper] = await Promise.all([startProduct(), startModelServer(), startModelServer()]);
  await product.startWorker();
  const routes = [
    { when: { task: 'compaction' }, targets: [{ model: await connectModel(product.owner, keeper) }] },
  ];
  const targets = [{ model: await connectModel(product.owner, talker) }];
  for (const name of ['owl', 'crow']) await createAgent(product.owner, { name, model: { targets, routes } });
});

beforeEach(() => {
  for (const server of [talker, keeper]) server.reset();
  keeper.script(() => ({ text: `Summary ${++summaries}.` }));
});

afterAll(() => Promise.all([product.close(), talker.close(), keeper.close()]));

type Said = { role: string; content: string };

const history = (name: string, count: number): Said[] =>
  Array.from({ length: count }, (_, at) => ({
    role: at % 2 === 0 ? 'user' : 'assistant',
    content: `${name} ${at + 1}`,
  }));

async function ask(messages: Said[], model = 'owl'): Promise<void> {
  const asked = [...messages, { role: 'user', content: 'And now?' }];
  const { status } = await product.owner.post('/openai/v1/chat/completions', { model, messages: asked });
  expect(status).toBe(200);
}

/** What the model that answers was shown last, without the system prompt. */
const shown = (): string[] =>
  talker.requests
    .at(-1)!
    .body.messages.slice(1)
    .map(({ content }: { content: string | { text: string }[] }) =>
      typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    );

it.each([220, 700])('a history of %i messages is summarized once', async (count) => {
  const before = history(`long ${count}`, count);
  await ask(before);
  const calls = keeper.requests.length;
  expect(calls).toBeGreaterThan(0);
  const summary = /Summary \d+\./.exec(shown()[0]!)![0];
  expect(shown().at(-2)).toBe(`long ${count} ${count}`);

  // The client sends all of it again, and what was said since.
  const next = [...before, { role: 'user', content: 'And now?' }, { role: 'assistant', content: 'Now.' }];
  await ask(next);
  expect(keeper.requests).toHaveLength(calls);
  expect(shown()[0]).toContain(summary);
  expect(shown().slice(-4)).toEqual([`long ${count} ${count}`, 'And now?', 'Now.', 'And now?']);
  // Nothing between the summary and the newest messages is left out.
  const firstKept = count - 50 + 1;
  expect(shown().join('\n')).toContain(`long ${count} ${firstKept}`);
});

it('what grows beyond it is summarized with it, and that is used again', async () => {
  const before = history('grows', 220);
  await ask(before);
  const calls = keeper.requests.length;
  const grown = [...before, ...history('more', 220)];
  await ask(grown);
  expect(keeper.requests.length).toBeGreaterThan(calls);
  expect(keeper.requests[calls]!.userText).toContain('The summary so far');
  expect(keeper.requests[calls]!.userText).not.toContain('grows 1\n');
  const all = keeper.requests.length;
  await ask(grown.concat(history('last', 2)));
  expect(keeper.requests).toHaveLength(all);
});

it('another beginning, another agent and another team have none of it', async () => {
  const before = history('own', 220);
  await ask(before);
  const calls = keeper.requests.length;
  await ask([{ role: 'user', content: 'Something else' }, ...before.slice(1)]);
  expect(keeper.requests.length).toBeGreaterThan(calls);
  const more = keeper.requests.length;
  await ask(before, 'crow');
  expect(keeper.requests.length).toBeGreaterThan(more);
  const owners = await product.sql('SELECT DISTINCT team_id, agent_id FROM history_summary');
  expect(owners).toHaveLength(2);
  expect(new Set(owners.map(({ team_id }) => team_id))).toEqual(new Set([product.id]));
});

it('a summary that was not used for a month is forgotten', async () => {
  const before = history('forgotten', 220);
  await ask(before);
  const calls = keeper.requests.length;
  await product.sql(`UPDATE history_summary SET used_at = now() - interval '29 days'`);
  await pruneHistorySummaries(product.db);
  await ask(before);
  expect(keeper.requests).toHaveLength(calls);
  await product.sql(`UPDATE history_summary SET used_at = now() - interval '31 days'`);
  await pruneHistorySummaries(product.db);
  await ask(before);
  expect(keeper.requests.length).toBeGreaterThan(calls);
});
