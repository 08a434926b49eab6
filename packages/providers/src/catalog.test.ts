import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { modelsDev } from './catalog/models-dev.fixture.ts';
import {
  endpointOf,
  findVendor,
  fromEnvironment,
  parseModelRef,
  problemOfParameters,
  vendors,
  vendorVariables,
} from './catalog.ts';

const templates = ['openai-compatible', 'anthropic-compatible', 'demo'];

const placeholders = (template: string) => [...template.matchAll(/\{([^}]*)\}/g)].map((match) => match[1]!);

describe('the catalogue', () => {
  it('has 60 vendors and more, each once', () => {
    const ids = vendors.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(vendors.map(({ name }) => name)).size).toBe(ids.length);
    expect(ids.length - templates.length).toBeGreaterThanOrEqual(60);
  });

  it.each(vendors.map((vendor) => [vendor.id, vendor] as const))(
    '%s is a row that can be used',
    (id, vendor) => {
      const addresses = [vendor.baseUrl, ...vendor.otherWires.map(({ baseUrl }) => baseUrl)].filter(
        (url) => typeof url === 'string',
      );
      const examples = Object.fromEntries(
        Object.entries(vendor.parameters).map(([name, { example }]) => [name, example]),
      );
      if (templates.includes(id)) {
        expect(addresses).toEqual([]);
        expect(vendor.env).toEqual([]);
      } else {
        expect(vendor.env.length).toBeGreaterThan(0);
        const used = addresses.flatMap(placeholders).map((name) => name.replace(/-$/, ''));
        expect(new Set(used)).toEqual(new Set(Object.keys(vendor.parameters)));
        for (const wire of [vendor.wire, ...vendor.otherWires.map((other) => other.wire)]) {
          const parameters = vendor.otherWires.length > 0 ? { ...examples, wire } : examples;
          const { baseUrl } = endpointOf(vendor, { apiKey: 'k', parameters });
          const url = new URL(baseUrl);
          expect(url.href.replace(/\/$/, '')).toBe(baseUrl);
          if (vendor.local) expect(url.hostname).toBe('127.0.0.1');
          else expect(url.protocol).toBe('https:');
          // The Anthropic SDK adds /v1 itself.
          if (wire === 'anthropic-messages') expect(baseUrl).not.toMatch(/\/v1$/);
        }
      }
      if (id !== 'demo') expect(vendor.docs).toMatch(/^https:\/\/\S+$/);
      if (vendor.priceList !== undefined) {
        // Its exact name: the list takes whatever resembles one of its names, too.
        expect(findProvider({ providerId: vendor.priceList })?.id).toBe(vendor.priceList);
      }
    },
  );

  it.each(modelsDev)('has %s where models.dev has %s', (id, _modelsDevId, url) => {
    const vendor = findVendor(id)!;
    const plain = (address: string) => address.replace(/\/+$/, '').replace(/\$?\{[^}]*\}/g, '{}');
    const theirs = vendor.wire === 'anthropic-messages' ? plain(url).replace(/\/v1$/, '') : plain(url);
    expect(plain(vendor.baseUrl!)).toBe(theirs);
  });

  it('gives no environment name to two vendors, or to a key and a parameter', () => {
    const names = vendors.flatMap(({ env, parameters }) => [
      ...env,
      ...Object.values(parameters).flatMap((parameter) => parameter.env),
    ]);
    expect(new Set(names).size).toBe(names.length);
    expect(vendorVariables).toEqual(names);
  });

  it('finds a vendor, or not', () => {
    expect(findVendor('anthropic')?.wire).toBe('anthropic-messages');
    expect(findVendor('constructor')).toBeUndefined();
  });
});

describe('endpointOf', () => {
  const vendor = (id: string) => findVendor(id)!;

  it('takes the address of the vendor, or the one that is given', () => {
    expect(endpointOf(vendor('mistral'), { apiKey: 'k' })).toMatchObject({
      provider: 'mistral',
      baseUrl: 'https://api.mistral.ai/v1',
      apiKey: 'k',
    });
    const custom = vendor('openai-compatible');
    const prices = { input: '1', output: '2' };
    expect(
      endpointOf(custom, { apiKey: null, baseUrl: 'http://10.0.0.1/v1/', provider: 'lab', prices }),
    ).toMatchObject({ provider: 'lab', baseUrl: 'http://10.0.0.1/v1', apiKey: null, prices });
    expect(() => endpointOf(custom, { apiKey: 'k' })).toThrow('needs a base URL');
    expect(endpointOf(vendor('demo'), { apiKey: null }).wire).toBe('demo');
  });

  it('fills in parameters', () => {
    const baseUrl = (id: string, parameters: Record<string, string>) =>
      endpointOf(vendor(id), { apiKey: 'k', parameters }).baseUrl;
    expect(baseUrl('azure', { resource: 'my-team' })).toBe('https://my-team.openai.azure.com/openai/v1');
    expect(baseUrl('bedrock', { region: 'eu-central-1' })).toBe(
      'https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1',
    );
    const path = (location: string) => `/v1/projects/p1/locations/${location}/endpoints/openapi`;
    expect(baseUrl('vertex', { project: 'p1' })).toBe(`https://aiplatform.googleapis.com${path('global')}`);
    expect(baseUrl('vertex', { project: 'p1', location: 'europe-west4' })).toBe(
      `https://europe-west4-aiplatform.googleapis.com${path('europe-west4')}`,
    );
    expect(() => baseUrl('azure', {})).toThrow('resource is required');
  });

  it.each(['evil.example/', 'a.b', 'a@b', 'a/../b', 'a#', 'a?', 'a:1', '', ' ', 'ä', 'a\nb', '..'])(
    'lets no parameter change the host: %j',
    (resource) => {
      expect(() => endpointOf(vendor('azure'), { apiKey: 'k', parameters: { resource } })).toThrow();
    },
  );

  it('does not list the models of an address that was given where the vendor lists its own', () => {
    const github = vendor('github-models');
    expect(endpointOf(github, { apiKey: 'k' }).modelsUrl).toBe('https://models.github.ai/catalog/models');
    expect(endpointOf(github, { apiKey: 'k', baseUrl: 'https://proxy.example/v1' })).not.toHaveProperty(
      'modelsUrl',
    );
  });

  it('speaks another wire where the vendor has one', () => {
    const other = endpointOf(vendor('deepseek'), {
      apiKey: 'k',
      parameters: { wire: 'anthropic-messages' },
    });
    expect(other).toMatchObject({
      wire: 'anthropic-messages',
      baseUrl: 'https://api.deepseek.com/anthropic',
      compat: { xApiKey: true },
    });
    expect(
      endpointOf(vendor('openai-compatible'), {
        apiKey: 'k',
        baseUrl: 'http://x/v1',
        parameters: { wire: 'openai-responses' },
      }).wire,
    ).toBe('openai-responses');
    expect(problemOfParameters(vendor('deepseek'), { wire: 'openai-responses' })?.message).toBe(
      'must be one of openai-chat, anthropic-messages',
    );
    expect(problemOfParameters(vendor('groq'), { wire: 'openai-chat' })?.message).toContain(
      'no such parameter',
    );
  });
});

describe('fromEnvironment', () => {
  const azure = findVendor('azure')!;

  it('takes the first variable that is set', () => {
    const google = findVendor('google')!;
    expect(fromEnvironment(google, { GOOGLE_API_KEY: 'second', GEMINI_API_KEY: 'first' })?.apiKey).toBe(
      'first',
    );
    expect(fromEnvironment(google, { OPENAI_API_KEY: 'k' })).toBeNull();
  });

  it('wants the parameters too', () => {
    const key = { AZURE_API_KEY: 'k' };
    expect(fromEnvironment(azure, key)).toBeNull();
    expect(fromEnvironment(azure, { ...key, AZURE_RESOURCE_NAME: 'evil.example/' })).toBeNull();
    expect(fromEnvironment(azure, { ...key, AZURE_RESOURCE_NAME: 'my-team' })).toEqual({
      apiKey: 'k',
      parameters: { resource: 'my-team' },
    });
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
