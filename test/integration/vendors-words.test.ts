/**
 * What models, vendors and tools say may hold what the database cannot store. It is washed where it enters; and where a
 * result cannot be stored all the same, what it cost is accounted for.
 */
import { storableText } from '@nightshift/contracts';
import { defineTool, ToolError } from '@nightshift/tools';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  ask,
  createAgent,
  type Product,
  readEvents,
  startProduct,
  stepsOf,
  type Team,
} from '../support/api/index.ts';
import {
  type ModelServer,
  type Script,
  type ServerWire,
  startModelServer,
} from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;

/** What `parrot.say` returns next. */
let parrot = '';

const tools = [
  defineTool({
    name: 'parrot.say',
    description: 'Says what it was taught.',
    input: z.looseObject({}),
    effect: 'none',
    execute: async () => parrot,
  }),
  defineTool({
    name: 'parrot.refuse',
    description: 'Refuses, in the words that it was taught.',
    input: z.looseObject({}),
    effect: 'none',
    async execute() {
      throw new ToolError(parrot);
    },
  }),
];

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker({ tools });
});
beforeEach(() => server.reset());
afterAll(() => Promise.all([product.close(), server.close()]));

let teams = 0;

type Spender = Team & { agentId: string };

/** A team with an agent whose model speaks that wire, and a budget in tokens. */
async function addTeam(wire: ServerWire = 'openai-chat'): Promise<Spender> {
  teams += 1;
  const team = await product.addTeam(`team ${teams}`);
  const own = {
    'openai-chat': { provider: 'openai-compatible', name: 'own', baseUrl: server.openaiUrl },
    'openai-responses': {
      provider: 'xai',
      parameters: { wire: 'openai-responses' },
      baseUrl: server.openaiUrl,
    },
    'anthropic-messages': { provider: 'anthropic-compatible', name: 'own', baseUrl: server.url },
  }[wire];
  await team.owner.expect(
    201,
    team.owner.post('/v1/provider-credentials', { ...own, apiKey: `sk-${teams}-0123456789abcdef` }),
  );
  const budget = { name: 'All', scope: 'team', window: 'day', unit: 'tokens', max: '999999999' };
  await team.owner.expect(201, team.owner.post('/v1/budgets', budget));
  const provider = wire === 'openai-responses' ? 'xai' : 'own';
  const model = { targets: [{ model: `${provider}/test-model` }], maxAttempts: 1 };
  return { ...team, agentId: await createAgent(team.owner, { model }) };
}

/** Every call to the model is one row of the ledger, the budget has used what the rows sum up to, and no step is open. */
async function expectBooks(team: Team, calls: number): Promise<void> {
  const [ledger] = await product.sql(
    `SELECT count(*)::int AS calls, coalesce(sum(input_tokens + output_tokens), 0)::int AS tokens
     FROM usage_entry WHERE team_id = $1`,
    [team.id],
  );
  const [account] = (await team.owner.expect(200, team.owner.get('/v1/limits'))).data[0].accounts;
  expect({ calls: ledger.calls, used: Number(account?.used ?? 0) }).toEqual({ calls, used: ledger.tokens });
  const open = `SELECT s.index FROM step s JOIN run r ON r.id = s.run_id WHERE r.team_id = $1 AND s.status = 'started'`;
  expect(await product.sql(open, [team.id])).toEqual([]);
  const reserved = `SELECT FROM budget_reservation v JOIN run r ON r.id = v.run_id WHERE r.team_id = $1`;
  expect(await product.sql(reserved, [team.id])).toEqual([]);
}

/** Text that the database refuses, or that a cut makes such: NUL, halves of pairs, whole pairs. */
const words = fc
  .array(fc.constantFrom('a', 'ß', '\0', '\ud83d', '\ude00', '😀', '\uffff', ' '), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(''));
/** In pieces that split it anywhere, also within pairs, and say something. */
const pieces = words.map((text) => ['Said: ', ...text.split('')]);
const nested = fc.dictionary(words, fc.oneof(words, fc.array(words), fc.dictionary(words, words)), {
  maxKeys: 4,
});

describe.each(['openai-chat', 'openai-responses', 'anthropic-messages'] as const)('on %s', (wire) => {
  it('whatever a model says is washed, stored and paid for once', async () => {
    const team = await addTeam(wire);
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({ pieces, thinking: words, signature: words, name: words, id: words, args: nested }),
        async (said) => {
          const script: Script = [
            {
              thinking: `hm ${said.thinking}`,
              signature: `sig${said.signature}`,
              text: said.pieces,
              toolCalls: [{ name: `parrot_say${said.name}`, id: `c${said.id}`, arguments: said.args }],
            },
            { text: said.pieces },
          ];
          server.script(script);
          const reply = await ask(team.owner, team.agentId, 'Speak');
          calls += 2;
          const washed = storableText(said.pieces.join(''));
          expect(server.requests.flatMap(({ refused }) => refused ?? [])).toEqual([]);
          expect(reply).toMatchObject({ status: 'succeeded', reply: { text: washed } });
          const events = await readEvents(team.owner, reply.runId);
          const streamed = events.flatMap(({ event, data }) =>
            event === 'text.delta' && (data as { index: number }).index === 0
              ? (data as { text: string }).text
              : [],
          );
          expect(streamed.join('')).toBe(washed);
          await expectBooks(team, calls);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('whatever a vendor says of its failure is washed and stored', async () => {
    await fc.assert(
      fc.asyncProperty(words, fc.boolean(), async (message, inStream) => {
        // A team of its own each time: after some failures in a row a vendor is left alone for a while.
        const team = await addTeam(wire);
        const failure = { message: `No: ${message}`, code: message };
        server.script([
          inStream ? { text: 'Half an', fault: 'error', ...failure } : { status: 400, ...failure },
        ]);
        const reply = await ask(team.owner, team.agentId, 'Speak');
        expect(reply.status).toBe('failed');
        expect(reply.error!.code).toMatch(/^model_/);
        expect(reply.error!.message.isWellFormed() && !reply.error!.message.includes('\0')).toBe(true);
        await expectBooks(team, 1);
      }),
      { numRuns: 10 },
    );
  });

  it('usage that no column holds is not taken', async () => {
    const team = await addTeam(wire);
    const sane = { input_tokens: 10, output_tokens: 10, prompt_tokens: 10, completion_tokens: 10 };
    const wild = [2 ** 31, 1e15, 1e308, -(2 ** 40), '\0', [], {}];
    const usages = wild.flatMap((value) => Object.keys(sane).map((key) => ({ ...sane, [key]: value })));
    usages.push({ ...sane, total_tokens: 2 ** 40 } as never);
    for (const [at, rawUsage] of usages.entries()) {
      server.script([{ text: 'Well.', rawUsage }]);
      expect(await ask(team.owner, team.agentId, 'Speak')).toMatchObject({ status: 'succeeded' });
      await expectBooks(team, at + 1);
    }
  });
});

it('arguments that nest too deep to be stored do not run, and the run goes on', async () => {
  const team = await addTeam();
  const deep = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  for (const levels of [300, 5_000, 100_000]) {
    server.script([{ toolCalls: [{ name: 'parrot_say', arguments: deep(levels) }] }, { text: 'Fine.' }]);
    const reply = await ask(team.owner, team.agentId, 'Speak');
    expect(reply).toMatchObject({ status: 'succeeded', reply: { text: 'Fine.' } });
    expect((await stepsOf(team.owner, reply.runId))[1]).toMatchObject({ kind: 'tool', status: 'failed' });
  }
  await expectBooks(team, 6);
});

it('whatever a tool returns is washed, and cut between characters', async () => {
  const team = await addTeam();
  let calls = 0;
  const long = fc.constantFrom('😀'.repeat(25_001), `a${'😀'.repeat(25_001)}`);
  await fc.assert(
    fc.asyncProperty(fc.oneof(words, long), fc.boolean(), async (text, refuses) => {
      parrot = text;
      server.script([{ toolCalls: [{ name: refuses ? 'parrot_refuse' : 'parrot_say' }] }, { text: 'Fine.' }]);
      const reply = await ask(team.owner, team.agentId, 'Speak');
      calls += 2;
      expect(reply).toMatchObject({ status: 'succeeded', reply: { text: 'Fine.' } });
      const { output } = (await stepsOf(team.owner, reply.runId))[1];
      // Nothing of a whole character is lost in the middle.
      const kept = output.content[0].text.replace(/\n\[cut: \d+ characters more\]$/, '');
      expect(storableText(text).startsWith(kept)).toBe(true);
      for (const { data } of await readEvents(team.owner, reply.runId))
        expect(JSON.stringify(data)).not.toMatch(/\\ud[89a-f]/i);
      await expectBooks(team, calls);
    }),
    { numRuns: 15 },
  );
});

describe('a result that the database refuses', () => {
  const refusals: [string, string, string][] = [
    ['the output of the step, by a constraint', 'step', `CHECK (output::text NOT LIKE '%unstorable%')`],
    ['the answer, by a constraint', 'message', `CHECK (content::text NOT LIKE '%unstorable%')`],
  ];

  afterEach(async () => {
    await product.sql('ALTER TABLE step DROP CONSTRAINT IF EXISTS refusal');
    await product.sql('ALTER TABLE message DROP CONSTRAINT IF EXISTS refusal');
    await product.sql('DROP TRIGGER IF EXISTS refusal ON step');
    await product.sql('DROP TRIGGER IF EXISTS refusal ON conversation_summary');
  });

  const refuseBy = async (table: string, sqlState: string, when: string) => {
    await product.sql(
      `CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION 'refused by the test' USING ERRCODE = TG_ARGV[0]; END $$`,
    );
    await product.sql(
      `CREATE TRIGGER refusal BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW WHEN (${when})
       EXECUTE FUNCTION refuse('${sqlState}')`,
    );
  };

  async function expectRefused(team: Spender, calls: number) {
    server.script([
      { text: 'This is unstorable.', usage: { input: 300, output: 20 } },
      { text: 'Now it is.' },
    ]);
    const reply = await ask(team.owner, team.agentId, 'Speak');
    expect(reply).toMatchObject({ status: 'failed', reply: null, error: { code: 'output_not_stored' } });
    expect(await stepsOf(team.owner, reply.runId)).toMatchObject([
      {
        status: 'failed',
        error: { code: 'output_not_stored' },
        output: null,
        endedAt: expect.any(String),
        modelAttempts: [{ outcome: 'ok', usage: { input: 300, output: 20 } }],
      },
    ]);
    await expectBooks(team, calls);
    return reply;
  }

  it.each(refusals)('%s: the run fails, its call is paid for once', async (_what, table, constraint) => {
    const team = await addTeam();
    await product.sql(`ALTER TABLE ${table} ADD CONSTRAINT refusal ${constraint} NOT VALID`);
    const { runId } = await expectRefused(team, 1);
    // A retry begins the step again, which is another call.
    await team.owner.expect(202, team.owner.post(`/v1/runs/${runId}/retry`));
    await expect.poll(async () => (await team.owner.get(`/v1/runs/${runId}`)).body.status).toBe('succeeded');
    await expectBooks(team, 2);
  });

  it.each(['22P05', '22P02', '54000', '22003', '23514', 'P0001', 'XX000'])(
    'an output that is refused with %s: likewise',
    async (sqlState) => {
      const team = await addTeam();
      await refuseBy('step', sqlState, `NEW.output::text LIKE '%unstorable%'`);
      await expectRefused(team, 1);
    },
  );

  it('the result of a tool: the model is told, and the run goes on', async () => {
    const team = await addTeam();
    await refuseBy('step', '54000', `NEW.output::text LIKE '%unstorable%'`);
    parrot = 'unstorable';
    server.script([{ toolCalls: [{ name: 'parrot_say' }] }, { text: 'Then not.' }]);
    const reply = await ask(team.owner, team.agentId, 'Speak');
    expect(reply).toMatchObject({ status: 'succeeded', reply: { text: 'Then not.' } });
    expect(server.requests.at(-1)!.toolResults).toEqual([expect.stringContaining('could not be stored')]);
    await expectBooks(team, 2);
  });

  it('a tool that cannot even begin: the run fails, and leaves no step open', async () => {
    const team = await addTeam();
    await refuseBy('step', '54000', `NEW.kind = 'tool'`);
    server.script([{ toolCalls: [{ name: 'parrot_say' }, { name: 'parrot_say' }] }]);
    const reply = await ask(team.owner, team.agentId, 'Speak');
    expect(reply).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
    await expectBooks(team, 1);
  });
});
