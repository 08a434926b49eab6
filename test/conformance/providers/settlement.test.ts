/** What an attempt is charged for: what its vendor says where that can be true, else what was sent and what came back. */
import {
  type AttemptRecord,
  createRouter,
  endpointOf,
  estimateInput,
  findVendor,
} from '@nightshift/providers';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { user, type Wire, wires } from './support.ts';

let server: ModelServer;

beforeAll(async () => {
  server = await startModelServer();
});
beforeEach(() => server.reset());
afterAll(() => server.close());

/** Long enough that a usage of next to nothing cannot be true. */
const answer = 'The quick brown fox jumps over the lazy dog. '.repeat(40);
const call = { messages: [user('Tell me about the fox. '.repeat(20))] };
const sent = estimateInput(call).high;
const prices = { input: '1', output: '10' };

interface Asked {
  vendor?: string;
  model?: string;
  wire?: Wire;
  signal?: AbortSignal;
  idleSeconds?: number;
  onText?: () => void;
}

/** One attempt at a vendor's endpoint that is our server. */
async function attempt(
  step: Step,
  { vendor, model = 'test-model', wire = 'openai-chat', signal, idleSeconds, onText }: Asked = {},
): Promise<AttemptRecord> {
  server.script(() => step);
  const baseUrl = wire === 'anthropic-messages' ? server.url : server.openaiUrl;
  const key = { apiKey: 'sk-0123456789abcdef', baseUrl };
  const endpoint = vendor
    ? endpointOf(findVendor(vendor)!, { ...key, parameters: wire === 'openai-chat' ? {} : { wire } })
    : { ...key, provider: 'custom', wire, compat: {}, prices };
  const provider = vendor ?? 'custom';
  const request = {
    targets: [{ provider, model, candidates: [{ credentialId: null, endpoint }] }],
    ...{ call, maxAttempts: 1, ...(idleSeconds === undefined ? {} : { idleSeconds }) },
  };
  const records: AttemptRecord[] = [];
  for await (const event of createRouter().stream(request, signal ?? new AbortController().signal)) {
    if (event.type === 'text') onText?.();
    if (event.type === 'attempt') records.push(event.attempt);
  }
  expect(records).toHaveLength(1);
  return records[0]!;
}

/** The fields that hold the counts of input and of output. */
const fields: Record<Wire, [string, string]> = {
  'openai-chat': ['prompt_tokens', 'completion_tokens'],
  'openai-responses': ['input_tokens', 'output_tokens'],
  'anthropic-messages': ['input_tokens', 'output_tokens'],
};

const nonsense = fc.constantFrom<unknown>(
  ...[null, undefined, 0, -1, -5_000, '120', 'NaN', [], {}, true, 1e300, 4_000_000_000, Number.MIN_VALUE],
);

describe.each(wires)('on %s', (wire) => {
  const [input, output] = fields[wire];

  it('a usage that can be true is taken as it is', async () => {
    const record = await attempt({ text: answer, usage: { input: 300, output: 400 } }, { wire });
    expect(record).toMatchObject({
      usage: { input: 300, output: 400 },
      estimated: false,
      costUsd: '0.0043',
      costReported: false,
    });
  });

  it('one that says nothing, or nonsense, is estimated', async () => {
    await fc.assert(
      fc.asyncProperty(nonsense, nonsense, async (counted, written) => {
        const rawUsage = { [input]: counted, [output]: written, total_tokens: counted };
        const record = await attempt({ text: answer, rawUsage }, { wire });
        expect(record).toMatchObject({ outcome: 'ok', estimated: true, costReported: false });
        expect(record.usage!.input).toBe(sent);
        expect(record.usage!.output).toBeGreaterThanOrEqual(answer.length / 6);
        expect(record.usage!.output).toBeLessThanOrEqual(answer.length);
        expect(Number(record.costUsd)).toBeCloseTo((sent + record.usage!.output * 10) / 1e6, 9);
      }),
      { numRuns: 40 },
    );
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'much'],
    ['a list', [1, 2]],
    ['empty', {}],
  ])('one that is %s is estimated', async (_name, rawUsage) => {
    expect(await attempt({ text: answer, rawUsage }, { wire })).toMatchObject({ estimated: true });
  });

  it('one that counts far less than the text that came is not believed', async () => {
    for (const counts of [
      { [input]: 1, [output]: 1 },
      { [input]: 300, [output]: 3 },
      { [input]: 300, [output]: 0 },
    ]) {
      const record = await attempt({ text: answer, rawUsage: counts }, { wire });
      expect(record.estimated).toBe(true);
      expect(record.usage!.input).toBeGreaterThanOrEqual(sent);
      expect(record.usage!.output).toBeGreaterThanOrEqual(answer.length / 6);
    }
  });

  it('one of the output alone is believed for that', async () => {
    const record = await attempt({ text: answer, rawUsage: { [output]: 700 } }, { wire });
    expect(record).toMatchObject({ estimated: true, usage: { input: sent, output: 700 } });
  });

  it('what was written of tool calls and thinking counts as received', async () => {
    const toolCalls = [{ name: 'time_now', arguments: { note: answer } }];
    for (const step of [{ toolCalls }, { thinking: answer, text: 'ok' }]) {
      const record = await attempt({ ...step, usage: null }, { wire });
      expect(record.usage!.output).toBeGreaterThanOrEqual(answer.length / 6);
    }
  });

  it.each(['cut', 'error', 'no-finish', 'invalid-json'] as const)(
    'an answer that ends by "%s" is charged for what came of it',
    async (fault) => {
      const record = await attempt({ text: [answer, answer], fault, usage: null }, { wire });
      expect(record.outcome).not.toBe('ok');
      expect(record).toMatchObject({ estimated: true });
      expect(record.usage!.input).toBe(sent);
      expect(record.usage!.output).toBeGreaterThanOrEqual(fault === 'no-finish' ? answer.length / 6 : 0);
      expect(Number(record.costUsd)).toBeGreaterThan(0);
    },
  );

  it('an answer that is stopped is charged for what came of it', async () => {
    const stop = new AbortController();
    const record = await attempt(
      { text: [answer, answer], fault: 'hang-after' },
      { wire, signal: stop.signal, onText: () => stop.abort() },
    );
    expect(record).toMatchObject({ outcome: 'aborted', estimated: true });
    expect(record.usage!.output).toBeGreaterThanOrEqual(answer.length / 6);
    expect(Number(record.costUsd)).toBeGreaterThan(0);
  });

  it('a call that is refused uses nothing', async () => {
    expect(await attempt({ status: 429 }, { wire })).toMatchObject({
      usage: null,
      estimated: false,
      costUsd: '0',
    });
  });

  it('names the model that answered, where it is another one', async () => {
    const step = { text: 'hi', usage: { input: 100, output: 5 } };
    expect((await attempt(step, { wire })).answeredModel).toBeNull();
    const other = await attempt({ ...step, answeredModel: 'maker/other\0\ud800' }, { wire });
    expect(other).toMatchObject({ model: 'test-model', answeredModel: 'maker/other\ufffd' });
  });
});

const counted = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };

describe('the cost that a vendor reports', () => {
  it.each<[string, string, object, string]>([
    ['openrouter', 'openrouter/auto', { cost: 0.0123 }, '0.0123'],
    // Of a call on the user's own key elsewhere the fee is one part.
    [
      'openrouter',
      'openrouter/auto',
      { cost: 0.95, is_byok: true, cost_details: { upstream_inference_cost: 19 } },
      '19.95',
    ],
    [
      'openrouter',
      'openai/gpt-4o',
      { cost: 0.01, is_byok: false, cost_details: { upstream_inference_cost: 0.01 } },
      '0.01',
    ],
    ['openrouter', 'some/model:free', { cost: 0 }, '0'],
    ['xai', 'grok-4.3', { cost_in_usd_ticks: 37_756_000 }, '0.0037756'],
    ['perplexity', 'sonar', { cost: { total_cost: 0.0061, request_cost: 0.005 } }, '0.0061'],
    ['llmgateway', 'gpt-4o', { cost_usd_total: 0.000125 }, '0.000125'],
    ['deepinfra', 'meta/llama', { estimated_cost: 2.68e-5 }, '0.0000268'],
  ])('%s, %s: %j is %s USD', async (vendor, model, cost, costUsd) => {
    const record = await attempt({ text: answer, rawUsage: { ...counted, ...cost } }, { vendor, model });
    expect(record).toMatchObject({ costUsd, costReported: true, estimated: false });
  });

  it('is asked for at OpenRouter, and nowhere else', async () => {
    await attempt({ text: 'hi' }, { vendor: 'openrouter', model: 'openrouter/auto' });
    await attempt({ text: 'hi' }, { vendor: 'openai', model: 'gpt-4o' });
    await attempt({ text: 'hi' });
    expect(server.requests.map(({ body }) => body.usage)).toEqual([{ include: true }, undefined, undefined]);
  });

  it.each<[string, unknown]>([
    ['negative', -1],
    ['beyond all measure', 1e308],
    ['more than a call can cost', 1e6],
    ['a text', '0.5'],
    ['null', null],
    ['an object', {}],
    ['zero, of a model that has a price', 0],
  ])('is not taken when it is %s: the list of prices holds', async (_name, cost) => {
    const record = await attempt(
      { text: answer, rawUsage: { ...counted, cost } },
      { vendor: 'openrouter', model: 'openai/gpt-4o' },
    );
    expect(record).toMatchObject({ costUsd: '0.0075', costReported: false });
  });

  it('is not taken from a vendor that does not say in what unit it is', async () => {
    const record = await attempt({ text: answer, rawUsage: { ...counted, cost: 7 } });
    expect(record).toMatchObject({ costUsd: '0.006', costReported: false });
  });

  it('stands beside tokens that are estimated', async () => {
    const record = await attempt(
      { text: answer, rawUsage: { cost: 0.5 } },
      { vendor: 'openrouter', model: 'openrouter/auto' },
    );
    expect(record).toMatchObject({ costUsd: '0.5', costReported: true, estimated: true });
    expect(record.usage!.input).toBe(sent);
  });
});

describe('a router that chose another model', () => {
  it('is charged by the price of the model that answered', async () => {
    const record = await attempt(
      { text: answer, rawUsage: counted, answeredModel: 'openai/gpt-4o' },
      { vendor: 'openrouter', model: 'openrouter/auto' },
    );
    expect(record).toMatchObject({ costUsd: '0.0075', costReported: false, answeredModel: 'openai/gpt-4o' });
  });

  it('has an unknown cost where neither model has a price', async () => {
    const record = await attempt(
      { text: answer, rawUsage: counted, answeredModel: 'nobody/nothing' },
      { vendor: 'openrouter', model: 'openrouter/auto' },
    );
    expect(record).toMatchObject({ costUsd: null, costReported: false, estimated: false });
  });
});

it('a local server costs nothing, and its tokens are counted', async () => {
  const record = await attempt({ text: answer, usage: null }, { vendor: 'ollama', model: 'qwen3' });
  expect(record).toMatchObject({ costUsd: '0', estimated: true });
  expect(record.usage!.input).toBe(sent);
});
