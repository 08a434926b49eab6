import type { ToolCallPart } from '@nightshift/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Answer } from '../answer.ts';
import { createToolNames } from '../tool-names.ts';
import { type LooseToolCall, ToolCallDeltas } from './openai-chat-tool-calls.ts';

const offered = ['get', 'get_time', 'notes.write', 'notes.list'];
const names = createToolNames(offered);
const drain = (events: Iterable<unknown>) => [...events].length;

interface Gathered {
  calls: { name: string; arguments: unknown; invalid?: string | undefined }[];
  ids: string[];
}

/** What comes of deltas, each a list of calls. */
function gather(
  deltas: readonly LooseToolCall[][],
  { isComplete = true, isCut = false, whole = [] as LooseToolCall[] } = {},
): Gathered {
  const answer = new Answer('a/openai-chat/m');
  const toolCalls = new ToolCallDeltas(answer, names, offered);
  for (const delta of deltas) drain(toolCalls.read(delta));
  if (whole.length > 0) drain(toolCalls.readWhole(whole));
  drain(toolCalls.end(isComplete && !isCut));
  drain(answer.finish(isCut));
  const parts = answer.message().content.filter((part): part is ToolCallPart => part.type === 'toolCall');
  return {
    calls: parts.map(({ name, arguments: args, invalid }) => ({
      name,
      arguments: args,
      ...(invalid === undefined ? {} : { invalid }),
    })),
    ids: parts.map(({ id }) => id),
  };
}

const args = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const planned = fc.record({
  name: fc.constantFrom(...offered),
  arguments: args as fc.Arbitrary<Record<string, unknown>>,
  /** Lengths of the pieces of its arguments. */
  cuts: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 12 }),
});
type Planned = { name: string; arguments: Record<string, unknown>; cuts: number[] };

const dialects = {
  'OpenAI: index, id and name first': { index: true, id: 'first', name: 'first' },
  'id and name on every delta': { index: true, id: 'every', name: 'every' },
  'no ids': { index: true, id: 'none', name: 'first' },
  'no ids, name on every delta': { index: true, id: 'none', name: 'every' },
  'no index, ids on every delta': { index: false, id: 'every', name: 'first' },
  'another id on every delta': { index: true, id: 'random', name: 'first' },
  'name in pieces': { index: true, id: 'first', name: 'pieces' },
  'name after the arguments': { index: true, id: 'first', name: 'last' },
} as const;
type Dialect = (typeof dialects)[keyof typeof dialects];

function deltasOf(
  plan: Planned,
  at: number,
  dialect: Dialect,
  random = () => Math.random(),
): LooseToolCall[] {
  const json = JSON.stringify(plan.arguments);
  const wireName = names.encode(plan.name);
  const pieces: string[] = [];
  let from = 0;
  for (const length of plan.cuts) {
    pieces.push(json.slice(from, from + length));
    from += length;
  }
  pieces.push(json.slice(from));
  const half = Math.ceil(wireName.length / 2);
  const nameAt = (step: number, last: number): string | undefined => {
    if (dialect.name === 'every') return wireName;
    if (dialect.name === 'last') return step === last ? wireName : undefined;
    if (dialect.name === 'pieces') return [wireName.slice(0, half), wireName.slice(half)][step];
    return step === 0 ? wireName : undefined;
  };
  // The head has no arguments; pieces of a name come before any.
  const steps = ['', ...(dialect.name === 'pieces' ? [''] : []), ...pieces.filter((piece) => piece !== '')];
  return steps.map((piece, step) => {
    const name = nameAt(step, steps.length - 1);
    const hasId = dialect.id === 'every' || dialect.id === 'random' || (dialect.id === 'first' && step === 0);
    const id = dialect.id === 'random' ? `call_${at}_${step}_${random()}` : `call_${at}`;
    return {
      ...(dialect.index ? { index: at } : {}),
      ...(hasId ? { id } : {}),
      function: { ...(name === undefined ? {} : { name }), arguments: piece },
    };
  });
}

/** Merges lists in an order that the numbers choose, each list in its own order. */
function interleave<T>(lists: readonly T[][], order: readonly number[]): T[] {
  const left = lists.map((list) => [...list]);
  const merged: T[] = [];
  for (let step = 0; left.some((list) => list.length > 0); step++) {
    const open = left.filter((list) => list.length > 0);
    merged.push(open[(order[step] ?? step) % open.length]!.shift()!);
  }
  return merged;
}

const expected = (plans: readonly Planned[]) =>
  plans.map(({ name, arguments: args }) => ({ name, arguments: JSON.parse(JSON.stringify(args)) }));
const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describe('calls that are told apart', () => {
  it.each(Object.entries(dialects))(
    'are the same however they are cut and interleaved: %s',
    (_name, dialect) => {
      fc.assert(
        fc.property(
          fc.array(planned, { minLength: 1, maxLength: 4 }),
          fc.array(fc.nat({ max: 3 }), { maxLength: 60 }),
          fc.integer({ min: 1, max: 3 }),
          (plans, order, chunk) => {
            const lists = plans.map((plan, at) => deltasOf(plan, at, dialect));
            // Without an index or an id on each delta, whose arguments they are shows only in their order.
            const flat = interleave(lists, order);
            const deltas: LooseToolCall[][] = [];
            for (let at = 0; at < flat.length; at += chunk) deltas.push(flat.slice(at, at + chunk));
            const { calls, ids } = gather(deltas);
            expect(calls.toSorted(byText)).toEqual(expected(plans).toSorted(byText));
            expect(new Set(ids).size).toBe(plans.length);
          },
        ),
        { numRuns: 150 },
      );
    },
  );

  it.each([
    ['index 0 for all, ids of their own', (at: number) => ({ index: 0, id: `id${at}` })],
    ['index 0 for all, no ids', () => ({ index: 0 })],
    ['neither index nor id', () => ({})],
    ['null for both', () => ({ index: null, id: null })],
    ['one id for all', (at: number) => ({ index: at, id: 'same' })],
    ['index as text', (at: number) => ({ index: String(at) })],
  ])('come one after the other: %s', (_name, marks) => {
    fc.assert(
      fc.property(fc.array(planned, { minLength: 1, maxLength: 4 }), fc.boolean(), (plans, isCut) => {
        const deltas = plans.flatMap((plan, at) => {
          const json = JSON.stringify(plan.arguments);
          const half = isCut ? Math.ceil(json.length / 2) : json.length;
          return [
            [{ ...marks(at), function: { name: names.encode(plan.name), arguments: json.slice(0, half) } }],
            ...(half < json.length ? [[{ ...marks(at), function: { arguments: json.slice(half) } }]] : []),
          ];
        });
        const { calls, ids } = gather(deltas);
        expect(calls).toEqual(expected(plans));
        expect(new Set(ids).size).toBe(plans.length);
      }),
    );
  });

  it('come in one delta, without index and id', () => {
    const call = (name: string, json: string) => ({ function: { name, arguments: json } });
    expect(gather([[call('get', ''), call('get', ''), call('notes_list', '{}')]]).calls).toHaveLength(3);
  });

  it('come with their arguments as objects', () => {
    const call = (index: number, args: unknown) => ({
      index,
      function: { name: 'notes_write', arguments: args },
    });
    const expected = [
      { name: 'notes.write', arguments: { a: 1 } },
      { name: 'notes.write', arguments: {} },
    ];
    expect(gather([[call(0, { a: 1 })], [call(0, {})]]).calls).toEqual(expected);
    expect(gather([[call(0, { a: 1 }), call(1, {})]]).calls).toEqual(expected);
    // A placeholder, and the whole at each step.
    expect(gather([[call(0, {})], [{ index: 0, function: { arguments: '{"a":1}' } }]]).calls).toEqual(
      expected.slice(0, 1),
    );
    expect(gather([[call(0, { b: 2 })], [{ index: 0, function: { arguments: { a: 1 } } }]]).calls).toEqual(
      expected.slice(0, 1),
    );
  });

  it('come once more as a whole, and are not doubled', () => {
    fc.assert(
      fc.property(
        fc.array(planned, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('first', 'none'),
        fc.boolean(),
        (plans, id, isWhole) => {
          const dialect = { index: true, id, name: 'first' } as const;
          const deltas = plans.flatMap((plan, at) => {
            const all = deltasOf(plan, at, dialect);
            return (isWhole ? all : all.slice(0, 1)).map((delta) => [delta]);
          });
          const whole = plans.map((plan, at) => ({
            ...(id === 'first' ? { id: `call_${at}` } : {}),
            function: { name: names.encode(plan.name), arguments: JSON.stringify(plan.arguments) },
          }));
          expect(gather(deltas, { whole }).calls).toEqual(expected(plans));
          expect(gather([], { whole }).calls).toEqual(expected(plans));
        },
      ),
    );
  });

  it('have a name that another tool begins with', () => {
    const head = { index: 0, id: 'a', function: { name: 'get', arguments: '' } };
    const json = { index: 0, function: { arguments: '{}' } };
    expect(gather([[head], [json]]).calls).toEqual([{ name: 'get', arguments: {} }]);
    const tail = { index: 0, function: { name: '_time' } };
    expect(gather([[head], [tail], [json]]).calls).toEqual([{ name: 'get_time', arguments: {} }]);
    // The whole name at each step.
    const grown = { index: 0, function: { name: 'notes_list' } };
    expect(gather([[{ index: 0, function: { name: 'notes' } }], [grown], [json]]).calls).toEqual([
      { name: 'notes.list', arguments: {} },
    ]);
  });
});

describe('what the model did not finish never runs', () => {
  const head = (index: number, name = 'notes_write') => ({
    index,
    id: `id${index}`,
    function: { name, arguments: '' },
  });
  const json = (index: number, text: string) => ({ index, function: { arguments: text } });

  it('no call without arguments, when some belong to no call', () => {
    const { calls } = gather([[head(0)], [json(7, '{"a":1}')]]);
    expect(calls[0]).toEqual({ name: 'notes.write', arguments: {}, invalid: '' });
    // One that has its own is whole all the same.
    expect(gather([[head(0)], [json(0, '{"a":1}')], [json(7, '{')]]).calls[0]).toEqual({
      name: 'notes.write',
      arguments: { a: 1 },
    });
  });

  it('no call of an answer that was cut, or has no finish reason, unless it is whole', () => {
    const deltas = [[head(0)], [json(0, '{"a":1}')], [head(1)], [head(2)], [json(2, '{"a"')]];
    expect(gather(deltas, { isCut: true }).calls).toEqual([{ name: 'notes.write', arguments: { a: 1 } }]);
    expect(gather(deltas, { isComplete: false }).calls).toEqual([
      { name: 'notes.write', arguments: { a: 1 } },
      { name: 'notes.write', arguments: {}, invalid: '' },
      { name: 'notes.write', arguments: {}, invalid: '{"a"' },
    ]);
  });

  it('no call with something behind its arguments', () => {
    const { calls } = gather([[head(0)], [json(0, '{"a":1}')], [json(0, '{"b":2}')]]);
    expect(calls).toEqual([{ name: 'notes.write', arguments: {}, invalid: '{"a":1}{"b":2}' }]);
  });

  it('whatever comes: each call is one that was meant, or is told to be none', () => {
    const delta = fc.record(
      {
        index: fc.oneof(fc.nat({ max: 2 }), fc.constantFrom(undefined, null, -1)),
        id: fc.constantFrom(undefined, null, '', 'a', 'b'),
        function: fc.record(
          {
            name: fc.constantFrom(undefined, null, '', 'get', '_time', 'notes_write', 'unknown'),
            arguments: fc.constantFrom<unknown>(
              undefined,
              '',
              '{',
              '}',
              '{}',
              '{"a":1}',
              '"a"',
              ':1}',
              {},
              { a: 1 },
              null,
              7,
            ),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<LooseToolCall>;
    fc.assert(
      fc.property(
        fc.array(fc.array(delta, { maxLength: 3 }), { maxLength: 12 }),
        fc.boolean(),
        (deltas, isCut) => {
          const { calls, ids } = gather(deltas, { isCut });
          expect(new Set(ids).size).toBe(ids.length);
          for (const call of calls)
            if (call.invalid === undefined) expect([{}, { a: 1 }]).toContainEqual(call.arguments);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('nor is there an end of calls', () => {
    const many = Array.from({ length: 600 }, (_, index) => head(index));
    expect(() => gather([many])).toThrow(/more than 512 tool calls/);
  });
});
