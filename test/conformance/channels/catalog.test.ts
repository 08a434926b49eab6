/** The catalogue imports no adapter, so only this holds the two together. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtInAdapters, channelCatalog, fieldFormats } from '@nightshift/channels';
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

it.each(channelCatalog)('$name: values look as its adapter wants them', async ({ slug, fields }) => {
  const adapter = (await builtInAdapters.load(slug))!;
  const formats = fieldFormats[slug] ?? {};
  expect(fields.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(formats)));
  for (const { name, in: part, placeholder, type } of fields) {
    interface Shape {
      pattern?: string;
      minimum?: number;
      maximum?: number;
      minLength?: number;
      maxLength?: number;
    }
    const { properties } = z.toJSONSchema(adapter[part], { io: 'output', unrepresentable: 'any' }) as {
      properties: Record<string, Shape>;
    };
    const { pattern, minimum, maximum, minLength = 0, maxLength } = properties[name]!;
    const length = minLength > 1 ? `^.{${minLength},${maxLength}}$` : undefined;
    const { expects, ...format } = formats[name] ?? {};
    expect(format, name).toEqual({ pattern: pattern ?? length, min: minimum, max: maximum });
    if (format.pattern === undefined) continue;
    const fits = new RegExp(format.pattern, 'iu');
    if (type === 'text' && placeholder && !/[…]| or |, /.test(placeholder)) expect(placeholder).toMatch(fits);
    expect(expects, name).toEqual(expect.any(String));
    expect('\n\0', name).not.toMatch(fits);
    // The words are the adapter's own.
    const said = adapter[part].safeParse({ [name]: '\u0001 bad value, / @\n\0' }).error?.issues ?? [];
    const ours = said.find(({ path }) => path[0] === name)?.message ?? '';
    if (!ours.startsWith('Invalid')) expect(ours, name).toBe(expects);
  }
});
