import { describe, expect, it, vi } from 'vitest';
import { vendors } from './catalog.ts';
import { costUsd } from './pricing.ts';

const usage = (input: number, output: number, cachedInput = 0, cacheWrite = 0) => ({
  input,
  cachedInput,
  cacheWrite,
  output,
  reasoning: 0,
});

describe('costUsd', () => {
  it('prices a model as its vendor does', async () => {
    // gpt-4o: $2.50 in, $1.25 cached, $10 out a million tokens. https://platform.openai.com/docs/pricing
    expect(await costUsd('openai', 'gpt-4o', usage(1_000_000, 0))).toBe('2.5');
    expect(await costUsd('openai', 'gpt-4o', usage(1_000_000, 100_000, 1_000_000))).toBe('2.25');
    expect(await costUsd('openai', 'gpt-4o', usage(1, 0))).toBe('0.0000025');
  });

  it('prices cache reads and writes of Anthropic', async () => {
    // claude-sonnet-4-5: $3 in, $0.30 cache read, $3.75 cache write, $15 out a million tokens.
    // https://docs.anthropic.com/en/docs/about-claude/pricing
    expect(await costUsd('anthropic', 'claude-sonnet-4-5', usage(30_000, 1000, 10_000, 10_000))).toBe(
      '0.0855',
    );
  });

  it('does not know what it does not know, and never calls it free', async () => {
    expect(await costUsd('openai', 'gpt-99-imaginary', usage(1000, 1000))).toBeNull();
    expect(await costUsd('my-gateway', 'gpt-4o', usage(1000, 1000))).toBeNull();
    expect(await costUsd('openai', 'gpt-4o', null)).toBeNull();
    expect(await costUsd('vercel', 'openai/gpt-4o', usage(1000, 1000))).toBeNull();
  });

  it('takes nothing for models on one’s own machine', async () => {
    expect(await costUsd('demo', 'guide', usage(1000, 1000))).toBe('0');
    expect(await costUsd('ollama', 'anything', null)).toBe('0');
  });

  it('takes no endpoint for the vendor that it is called after', async () => {
    expect(await costUsd('my-openai', 'gpt-4o', usage(1000, 1000))).toBeNull();
    expect(await costUsd('azure-eu', 'gpt-4o', usage(1000, 1000))).toBeNull();
  });

  it("takes the team's own prices where the list has none", async () => {
    const prices = { input: '0.2', output: '0.6' };
    const million = usage(1_000_000, 1_000_000, 500_000);
    expect(await costUsd('my-gateway', 'anything', million, { prices })).toBe('0.8');
    const cached = { ...prices, cachedInput: '0.02' };
    expect(await costUsd('my-gateway', 'anything', million, { prices: cached })).toBe('0.71');
    expect(await costUsd('my-gateway', 'anything', usage(1, 0), { prices })).toBe('0.0000002');
    expect(await costUsd('my-gateway', 'anything', null, { prices })).toBeNull();
    expect(await costUsd('azure', 'my-deployment', million, { prices })).toBe('0.8');
    expect(await costUsd('openai', 'gpt-4o', usage(1_000_000, 0), { prices })).toBe('2.5');
  });

  it('knows models of Google by their names at Vertex AI', async () => {
    const atGoogle = await costUsd('google', 'gemini-3.5-flash', usage(1000, 1000));
    expect(Number(atGoogle)).toBeGreaterThan(0);
    expect(await costUsd('vertex', 'google/gemini-3.5-flash', usage(1000, 1000))).toBe(atGoogle);
  });

  it('goes by the date', async () => {
    // o3 cost five times as much before 10 June 2025.
    const at = (day: string) => costUsd('openai', 'o3', usage(1_000_000, 0), { at: new Date(day) });
    expect([await at('2025-06-01'), await at('2025-07-01')]).toEqual(['10', '2']);
  });

  it('writes plain decimals of at most 10 places', async () => {
    for (const [provider, model] of [
      ['openai', 'gpt-4.1-nano'],
      ['deepseek', 'deepseek-chat'],
      ['anthropic', 'claude-haiku-4-5'],
    ] as const) {
      for (const tokens of [1, 7, 333, 123_457]) {
        expect(await costUsd(provider, model, usage(tokens, tokens, 1))).toMatch(/^\d+(\.\d{1,10})?$/);
      }
    }
  });

  it('knows the default model of the vendors that the price list covers', async () => {
    const unknown: string[] = [];
    for (const vendor of vendors) {
      if (vendor.defaultModel && (await costUsd(vendor.id, vendor.defaultModel, usage(1000, 1000))) === null)
        unknown.push(vendor.id);
    }
    // Gateways and vendors that are not in the list at all.
    expect(unknown).toEqual(expectedUnknown);
  });

  it('fetches nothing', async () => {
    const fetch = vi.spyOn(globalThis, 'fetch');
    await costUsd('openai', 'gpt-4o', usage(1, 1));
    expect(fetch).not.toHaveBeenCalled();
    fetch.mockRestore();
  });
});

const expectedUnknown = ['alibaba', 'together', 'nvidia', 'huggingface', 'openrouter', 'github-models'];
