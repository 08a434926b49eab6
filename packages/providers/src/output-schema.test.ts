import { describe, expect, it } from 'vitest';
import { closedSchema, isStrictSchema, systemWithSchema } from './output-schema.ts';

describe('closedSchema', () => {
  it('closes objects at every depth, and leaves the given schema as it is', () => {
    const open = { type: 'object', properties: { a: { type: 'string' } } };
    const closed = { ...open, additionalProperties: false };
    const schema = {
      ...open,
      properties: { list: { type: 'array', items: open }, either: { anyOf: [open, { type: 'null' }] } },
      $defs: { open },
    };
    const before = structuredClone(schema);
    expect(closedSchema(schema)).toEqual({
      type: 'object',
      additionalProperties: false,
      properties: { list: { type: 'array', items: closed }, either: { anyOf: [closed, { type: 'null' }] } },
      $defs: { open: closed },
    });
    expect(schema).toEqual(before);
  });

  it('keeps what is said about other properties', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: { type: 'number' } };
    expect(closedSchema(schema)).toEqual(schema);
  });

  it('takes a property of that name for what it is', () => {
    const schema = {
      type: 'object',
      properties: { properties: { type: 'string' }, items: { type: 'string' } },
    };
    expect(closedSchema(schema).properties).toEqual(schema.properties);
  });
});

describe('isStrictSchema', () => {
  const closed = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    additionalProperties: false,
  };

  it.each([
    [closed, true],
    [{ ...closed, properties: { a: closed } }, true],
    [{ ...closed, required: [] }, false],
    [{ ...closed, additionalProperties: undefined }, false],
    [{ ...closed, properties: { a: { type: 'array', items: { ...closed, required: [] } } } }, false],
    [{ ...closed, properties: { a: { oneOf: [{ type: 'string' }] } } }, false],
    [{ ...closed, properties: { a: { type: 'object' } } }, false],
  ])('%j: %s', (schema, strict) => {
    expect(isStrictSchema(schema)).toBe(strict);
  });
});

it('systemWithSchema adds the schema to what is there', () => {
  const output = { name: 'x', schema: { type: 'object' } };
  expect(systemWithSchema({ output })).toMatch(/^Answer with one JSON object.*\{"type":"object"\}$/s);
  expect(systemWithSchema({ output, system: 'Be brief.' })).toMatch(/^Be brief\.\n\nAnswer/);
});
