/** The catalogue imports no adapter, so only this holds the two together. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtInAdapters, channelCatalog } from '@nightshift/channels';
import { expect, it } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../..', import.meta.url));

it('imports nothing', () => {
  const source = readFileSync(`${root}/packages/channels/src/catalog.ts`, 'utf8');
  expect(source).toContain('channelCatalog');
  expect(source.match(/\bimport\b|\brequire\b/g)?.filter((word) => word !== 'imports') ?? []).toEqual([]);
});

it('has the kinds that there are adapters for', () => {
  expect(channelCatalog.map(({ slug }) => slug).sort()).toEqual([...builtInAdapters.kinds].sort());
});

it.each(channelCatalog)(
  '$name: the fields are what its adapter takes',
  async ({ slug, fields, setup, docs }) => {
    const adapter = (await builtInAdapters.load(slug))!;
    expect(adapter.kind).toBe(slug);
    for (const part of ['credentials', 'settings'] as const) {
      const schema = z.toJSONSchema(adapter[part], { io: 'input', unrepresentable: 'any' }) as {
        properties?: Record<string, unknown>;
        required?: string[];
      };
      const listed = fields.filter((field) => field.in === part);
      expect(listed.map(({ name }) => name).sort()).toEqual(Object.keys(schema.properties ?? {}).sort());
      expect(
        listed
          .filter(({ required }) => required)
          .map(({ name }) => name)
          .sort(),
      ).toEqual([...(schema.required ?? [])].sort());
    }
    expect(fields.filter((field) => field.secret && field.in !== 'credentials')).toEqual([]);
    expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
    expect(setup.length).toBeGreaterThan(0);
    expect(existsSync(`${root}/${docs}`)).toBe(true);
  },
);
