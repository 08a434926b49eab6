/** `nightshift budgets`, `limits`, `usage` and `estimate`, as processes against the product. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ask, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { envFor, runCli } from '../support/cli.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let host: Product;
let product: Product;
let server: ModelServer;
let agentId: string;

beforeAll(async () => {
  [host, server] = await Promise.all([startProduct(), startModelServer()]);
  await host.startWorker();
  server.script(() => ({ text: 'Done.', usage: { input: 1000, output: 200 } }));
});
beforeEach(async () => {
  // A team of its own for each test.
  product = { ...host, ...(await host.addTeam(`reports ${randomUUID()}`)) };
  const prices = { input: '1000', output: '1000' };
  const endpoint = { provider: 'openai-compatible', name: 'dear', baseUrl: server.openaiUrl, prices };
  await product.owner.expect(201, product.owner.post('/v1/provider-credentials', endpoint));
  agentId = await createAgent(product.owner, { name: 'reporter', model: 'dear/test-model' });
});

afterAll(() => Promise.all([host.close(), server.close()]));

const nightshift = (...args: string[]) => runCli(args, { env: envFor(product.url, product.owner.key!) });

it('says what to do while there is nothing', async () => {
  expect((await nightshift('limits')).stdout).toMatch(/^There is no budget: .*nightshift budgets create/);
  expect((await nightshift('budgets', 'list')).stdout).toMatch(/^There is no budget\. Make one/);
  expect((await nightshift('usage')).stdout).toMatch(/^Nothing was asked of a model since \d{4}-\d\d-\d\d\./);
});

it('estimates, makes budgets, shows how they stand and what it cost', async () => {
  const estimate = await nightshift('estimate', 'reporter', 'Sum up this month.');
  expect(estimate).toMatchObject({ code: 0, stderr: '' });
  expect(estimate.stdout).toMatch(/^Up to [\d,]+ tokens in, 50 to 2,000 out, for the first call\.\n/);
  expect(estimate.stdout).toMatch(/^dear\/test-model +\$[\d.]+ to \$[\d.]+$/m);

  const made = await nightshift(
    'budgets',
    'create',
    'Reports',
    '--max',
    '1',
    '--scope',
    'agent',
    '--of',
    'Reporter',
  );
  expect(made.stdout).toBe('The budget Reports holds: $1.00 for one agent, day (UTC), then stop.\n');
  await nightshift(
    'budgets',
    'create',
    'Everybody',
    '--max',
    '5000',
    '--unit',
    'tokens',
    '--scope',
    'member',
    '--window',
    '5h',
  );
  expect((await nightshift('limits')).stdout).toContain('Nothing of "Everybody" is used yet.');

  expect((await ask(product.owner, agentId, 'one')).status).toBe('succeeded');
  const { runId } = await ask(product.owner, agentId, 'two');
  const limits = await nightshift('limits');
  expect(limits.stdout).toMatch(/^Reports +reporter +\$1\.20 +\$1\.00 +120 +day /m);
  expect(limits.stdout).toMatch(/^Everybody +owner of reports.* +1,200 tokens +5,000 tokens +24 +5h /m);
  expect((await nightshift('estimate', 'reporter', 'x')).stdout).toContain(
    '✗ dear/test-model: "Reports". It is used up: 1.2 of 1 USD today',
  );
  expect((await nightshift('runs', 'show', runId)).stdout).toContain(
    'The budget "Reports" is used up: 1.2 of 1 USD today',
  );

  const usage = await nightshift('usage', '--by', 'agent,model', '--since', '1d');
  expect(usage.stdout).toMatch(/^reporter +dear\/test-model +1 +1 +1,000 +200 +\$1\.20$/m);
  expect(usage.stdout).toMatch(/^1 call in 1 run, 1,000 tokens in \(0 cached\), 200 out: \$1\.20$/m);
  expect(usage.stdout).not.toContain('estimated');
  const csv = await nightshift('usage', '--by', 'model', '--csv');
  expect(csv.stdout).toMatch(/^model,attempts,runs,.*\r\ndear\/test-model,1,1,1000,0,200,0,1\.2,0,0\r\n$/);
});

it('changes and deletes a budget, with JSON for programs', async () => {
  const create = ['budgets', 'create', '--max', '1', '--scope', 'agent'];
  await nightshift(...create, 'Everybody');
  await nightshift(...create, 'Reports', '--of', 'Reporter');
  const changed = await nightshift(
    'budgets',
    'update',
    'reports',
    '--max',
    '40',
    '--action',
    'queue',
    '--json',
  );
  expect(JSON.parse(changed.stdout)).toMatchObject({ name: 'Reports', max: '40', action: 'queue' });
  expect((await nightshift('budgets', 'update', 'reports', '--disable')).stdout).toBe(
    'The budget Reports holds: nothing, since it is disabled.\n',
  );
  expect((await nightshift('budgets', 'list')).stdout).toMatch(
    /^Reports +one agent +\$40\.00 +day \(UTC\) +queue +no /m,
  );
  expect(await nightshift('budgets', 'update', 'reports')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Name something to change.'),
  });
  const refused = await nightshift('budgets', 'update', 'reports', '--timezone', 'Mars');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('"Mars" is no IANA timezone') });
  expect((await nightshift('budgets', 'delete', 'Reports')).stdout).toBe('The budget Reports is deleted.\n');
  expect(JSON.parse((await nightshift('limits', '--json')).stdout)).toHaveLength(1);
});
