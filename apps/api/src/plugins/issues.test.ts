import { AgentCreate, ModelSetting } from '@nightshift/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldErrors } from './issues.ts';

const errors = (schema: z.ZodType, value: unknown) =>
  fieldErrors(schema.safeParse(value).error?.issues ?? []);

const policy = { targets: [{ model: 'openai/gpt-5.4' }] };

describe('of a union', () => {
  it('are those of the option that the value fits best, at their paths', () => {
    const [error, ...more] = errors(AgentCreate, { name: 'x', model: { ...policy, pick: 'best' } });
    expect(more).toEqual([]);
    expect(error!.path).toBe('model.pick');
    for (const option of ['order', 'weight', 'cheapest', 'fastest']) expect(error!.message).toContain(option);
    expect(errors(ModelSetting, { targets: [{ model: 'gpt' }] })).toEqual([
      { path: 'targets.0.model', message: 'must be "provider/model"' },
    ]);
    expect(errors(ModelSetting, 'gpt')).toEqual([
      { path: '', message: 'must be "auto" or "provider/model"' },
    ]);
  });

  it('name every type that fits where none does', () => {
    const [error] = errors(ModelSetting, 5);
    expect(error!.message).toMatch(/expected string.*expected object/);
  });

  it('name the values of what tells the options apart', () => {
    const shape = z.discriminatedUnion('type', [
      z.object({ type: z.literal('a'), value: z.string() }),
      z.object({
        type: z.literal('b'),
        inner: z.union([z.number(), z.object({ deep: z.enum(['x', 'y']) })]),
      }),
    ]);
    const [error] = errors(z.object({ list: z.array(shape) }), { list: [{ type: 'c' }] });
    expect(error).toMatchObject({ path: 'list.0.type' });
    expect(error!.message).toMatch(/"a"\|"b"/);
    const [nested] = errors(z.object({ list: z.array(shape) }), {
      list: [{ type: 'b', inner: { deep: 'z' } }],
    });
    expect(nested).toMatchObject({ path: 'list.0.inner.deep' });
    expect(nested!.message).toMatch(/"x"\|"y"/);
  });

  it('are never "Invalid input" alone for a policy with one wrong field, whichever it is', () => {
    const wrong = fc.oneof(
      fc.record({ pick: fc.string() }),
      fc.record({ maxAttempts: fc.oneof(fc.integer({ max: 0 }), fc.integer({ min: 21 })) }),
      fc.record({ deadlineSeconds: fc.constant('soon') }),
      fc.record({ idleSeconds: fc.double({ min: 1.1, max: 1.9 }) }),
      fc.record({ routes: fc.constant([{ when: { task: 'cook' }, targets: policy.targets }]) }),
    );
    fc.assert(
      fc.property(wrong, (field) => {
        const found = errors(AgentCreate, { name: 'x', model: { ...policy, ...field } });
        if (ModelSetting.safeParse({ ...policy, ...field }).success) return;
        expect(found).toHaveLength(1);
        expect(found[0]!.path.startsWith(`model.${Object.keys(field)[0]}`)).toBe(true);
        expect(found[0]!.message).not.toBe('Invalid input');
      }),
    );
  });
});

it('keep the path of records in records', () => {
  const schema = z.record(z.string().max(2), z.union([z.boolean(), z.strictObject({ on: z.boolean() })]));
  expect(errors(schema, { a: { on: 'yes' } })).toMatchObject([{ path: 'a.on' }]);
  expect(errors(schema, { long: true })).toMatchObject([{ path: 'long' }]);
});
