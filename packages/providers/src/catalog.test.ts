import { describe, expect, it } from 'vitest';
import { endpointOf, findVendor, parseModelRef, vendors } from './catalog.ts';
import { wireNames } from './provider.ts';

const templates = ['openai-compatible', 'anthropic-compatible', 'demo'];

describe('catalog', () => {
  it('has ids that are unique', () => {
    const ids = vendors.map((vendor) => vendor.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(26);
  });

  it.each(vendors.map((vendor) => [vendor.id, vendor] as const))(
    '%s is a row that can be used',
    (id, vendor) => {
      expect(wireNames).toContain(vendor.wire);
      expect(vendor.name.length).toBeGreaterThan(1);
      if (templates.includes(id)) {
        expect(vendor.baseUrl).toBeNull();
      } else {
        const url = new URL(vendor.baseUrl!);
        expect(vendor.baseUrl).not.toMatch(/\/$/);
        if (vendor.local) expect(url.hostname).toBe('127.0.0.1');
        else expect(url.protocol).toBe('https:');
        expect(vendor.env.length).toBeGreaterThan(0);
      }
      if (id !== 'demo') expect(vendor.docs).toMatch(/^https:\/\/\S+$/);
      for (const name of vendor.env) expect(name).toMatch(/^[A-Z][A-Z0-9_]+$/);
      // The Anthropic SDK adds /v1 itself.
      if (vendor.wire === 'anthropic-messages') expect(vendor.baseUrl ?? '').not.toMatch(/\/v1$/);
    },
  );

  it('gives no environment name to two vendors', () => {
    const names = vendors.flatMap((vendor) => vendor.env);
    expect(new Set(names).size).toBe(names.length);
  });

  it('finds a vendor, or not', () => {
    expect(findVendor('anthropic')?.wire).toBe('anthropic-messages');
    expect(findVendor('constructor')).toBeUndefined();
  });

  it('makes endpoints', () => {
    const openai = findVendor('openai')!;
    expect(endpointOf(openai, { apiKey: 'k' })).toMatchObject({
      provider: 'openai',
      baseUrl: 'https://api.openai.com/v1',
      apiKey: 'k',
    });
    const custom = findVendor('openai-compatible')!;
    expect(
      endpointOf(custom, { apiKey: null, baseUrl: 'http://10.0.0.1/v1/', provider: 'lab' }),
    ).toMatchObject({
      provider: 'lab',
      baseUrl: 'http://10.0.0.1/v1',
      apiKey: null,
    });
    expect(() => endpointOf(custom, { apiKey: 'k' })).toThrow('needs a base URL');
    expect(endpointOf(findVendor('demo')!, { apiKey: null }).wire).toBe('demo');
  });
});

describe('parseModelRef', () => {
  it('splits at the first slash', () => {
    expect(parseModelRef('openai/gpt-5.4')).toEqual({ provider: 'openai', model: 'gpt-5.4' });
    expect(parseModelRef('fireworks/accounts/fireworks/models/x')).toEqual({
      provider: 'fireworks',
      model: 'accounts/fireworks/models/x',
    });
  });

  it.each(['gpt-5.4', '', '/', 'openai/', '/gpt', 'open ai/x'])('says what is wrong with %j', (ref) => {
    expect(() => parseModelRef(ref)).toThrow('write provider/model');
  });
});
