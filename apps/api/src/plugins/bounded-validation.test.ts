import {
  AgentCreate,
  ChannelCreate,
  ChatCompletionBody,
  CredentialCreate,
  maxMessageLength,
  WidgetMessageCreate,
} from '@nightshift/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { boundedValidation } from './bounded-validation.ts';

const find = (schema: z.ZodType, value: unknown, max = 20) => boundedValidation(schema)(value, max);
const times = <T>(count: number, make: (at: number) => T) =>
  Array.from({ length: count }, (_, at) => make(at));
const members = (count: number, value: unknown = 1) =>
  Object.fromEntries(times(count, (at) => [`k${at}`, value]));

/** A schema that tells how many of its values were looked at. */
function counting() {
  const seen = { count: 0 };
  const item = z.custom<unknown>(() => {
    seen.count += 1;
    return false;
  });
  return { item, seen };
}

it.each([
  [
    'a list',
    (item: z.ZodType) => z.array(item).max(10),
    times(150_000, () => 1),
    'must have at most 10 items',
  ],
  ['a list without a limit', (item: z.ZodType) => z.array(item), times(1001, () => 1), 'at most 1000 items'],
  ['a list of its own message', (item: z.ZodType) => z.array(item).max(0, 'none here'), [1], 'none here'],
  [
    'a record',
    (item: z.ZodType) => z.record(z.string(), item).meta({ maxProperties: 10 }),
    members(150_000),
    'must have at most 10 members',
  ],
  ['a record without a limit', (item: z.ZodType) => z.record(z.string(), item), members(201), 'at most 200'],
  [
    'an object',
    (item: z.ZodType) => z.strictObject({ a: item }),
    members(150_000),
    'has 150000 unknown fields',
  ],
])('counts %s before it looks at what is in it', (_what, schemaOf, value, message) => {
  const wrapped = [
    (schema: z.ZodType) => schema,
    (schema: z.ZodType) => schema.optional(),
    (schema: z.ZodType) => schema.nullish(),
    (schema: z.ZodType) => schema.default([]),
    (schema: z.ZodType) => z.union([z.string(), schema]),
    (schema: z.ZodType) => z.lazy(() => schema),
    (schema: z.ZodType) => schema.transform((each) => each),
    (schema: z.ZodType) => schema.refine(() => true),
    (schema: z.ZodType) => schema.readonly(),
  ];
  for (const wrap of wrapped) {
    const { item, seen } = counting();
    const errors = find(z.strictObject({ here: wrap(schemaOf(item)) }), { here: value });
    expect(errors).toEqual([{ path: 'here', message: expect.stringContaining(message) }]);
    expect(seen.count).toBe(0);
  }
});

it('ends after as many errors as are wanted, at every depth', () => {
  const { item, seen } = counting();
  const schema = z.object({ lists: z.array(z.array(item).max(1000)).max(1000) });
  expect(find(schema, { lists: times(100, () => times(100, () => 1)) })).toHaveLength(20);
  expect(seen.count).toBeLessThanOrEqual(21);
});

it('follows a schema that holds itself', () => {
  type Tree = { children: Tree[] };
  const Tree: z.ZodType<Tree> = z.object({ children: z.lazy(() => z.array(Tree).max(3)) });
  const leaf = { children: [] };
  expect(find(Tree, { children: [leaf, { children: [leaf, leaf, leaf, leaf] }] })).toEqual([
    { path: 'children.1.children', message: 'must have at most 3 items' },
  ]);
});

describe('finds nothing wrong in what the schema takes', () => {
  const schemas: Record<string, z.ZodType> = {
    list: z.array(z.number().max(5)).max(30),
    record: z.record(z.string().max(5), z.union([z.string(), z.array(z.number()).max(8)])),
    object: z.strictObject({ a: z.array(z.strictObject({ b: z.number() })).optional(), c: z.unknown() }),
    union: z.union([z.array(z.number()).max(7), z.array(z.string()).max(9), z.string()]),
  };
  const value = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 35 }),
    fc.array(fc.string(), { maxLength: 12 }),
    fc.dictionary(
      fc.string({ maxLength: 6 }),
      fc.oneof(fc.string(), fc.array(fc.integer(), { maxLength: 10 })),
    ),
    fc.record({ a: fc.array(fc.record({ b: fc.oneof(fc.integer(), fc.string()) })), c: fc.anything() }),
  );
  it.each(Object.keys(schemas))('%s', (name) => {
    const schema = schemas[name]!;
    fc.assert(
      fc.property(value, (each) => {
        // What it finds is wrong; what it does not find, the schema may still refuse.
        if (find(schema, each).length > 0) expect(schema.safeParse(each).success).toBe(false);
      }),
    );
  });

  it.each([
    [
      'an agent',
      AgentCreate,
      { name: 'a', tools: members(200, 'allow'), model: { targets: [{ model: 'a/b' }] } },
    ],
    [
      'a history',
      ChatCompletionBody,
      {
        model: 'a',
        messages: times(1000, () => ({ role: 'user', content: [{ type: 'text', text: 'x' }] })),
      },
    ],
    [
      'a channel',
      ChannelCreate,
      {
        kind: 'x',
        agentId: '00000000-0000-7000-8000-000000000000',
        access: { people: times(1000, String), groups: { open: times(1000, String) } },
      },
    ],
    ['a credential', CredentialCreate, { provider: 'openai', apiKey: 'x', parameters: members(20, 'x') }],
    [
      'a message of a visitor',
      WidgetMessageCreate,
      { id: '00000000-0000-4000-8000-000000000000', text: 'x', files: [] },
    ],
    [
      'a long text',
      ChatCompletionBody,
      { model: 'a', messages: [{ role: 'user', content: 'x'.repeat(maxMessageLength) }] },
    ],
  ] as [string, z.ZodType, unknown][])('%s', (_what, schema, body) => {
    expect(find(schema, body)).toEqual([]);
    expect(schema.safeParse(body).success).toBe(true);
  });
});
