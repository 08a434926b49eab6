/** JSON Schemas of structured output, as vendors want them. */
import type { ModelCall } from './provider.ts';

type Schema = Record<string, unknown>;

/** Where schemas nest: one under the name, a list of them, or one for each property. */
const single = ['items', 'not', 'additionalItems', 'contains'];
const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const maps = ['properties', '$defs', 'definitions', 'patternProperties'];

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The schema with every object closed (`additionalProperties: false`) unless it says otherwise. OpenAI's strict mode and
 * Anthropic insist on it. https://platform.claude.com/docs/en/build-with-claude/structured-outputs
 */
export function closedSchema(schema: Schema): Schema {
  const closed: Schema = { ...schema };
  for (const key of single) if (isSchema(schema[key])) closed[key] = closedSchema(schema[key]);
  for (const key of lists) {
    const list = schema[key];
    if (Array.isArray(list)) closed[key] = list.map((item) => (isSchema(item) ? closedSchema(item) : item));
  }
  for (const key of maps) {
    const map = schema[key];
    if (!isSchema(map)) continue;
    closed[key] = Object.fromEntries(
      Object.entries(map).map(([name, item]) => [name, isSchema(item) ? closedSchema(item) : item]),
    );
  }
  if (schema.properties !== undefined && schema.additionalProperties === undefined) {
    closed.additionalProperties = false;
  }
  return closed;
}

/**
 * Whether OpenAI takes the closed schema in strict mode: every object is closed and requires all that it has.
 * https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
 */
export function isStrictSchema(schema: Schema): boolean {
  if (schema.type === 'object' || schema.properties !== undefined) {
    if (!isSchema(schema.properties) || schema.additionalProperties !== false) return false;
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    if (Object.keys(schema.properties).some((name) => !required.has(name))) return false;
  }
  // `oneOf` and `allOf` are not in its subset.
  if (schema.oneOf !== undefined || schema.allOf !== undefined || schema.patternProperties !== undefined)
    return false;
  return nested(schema).every(isStrictSchema);
}

function nested(schema: Schema): Schema[] {
  return [
    ...single.map((key) => schema[key]),
    ...lists.flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as unknown[]) : [])),
    ...maps.flatMap((key) => (isSchema(schema[key]) ? Object.values(schema[key] as Schema) : [])),
  ].filter(isSchema);
}

/** The system prompt, with the schema in it for vendors that take none elsewhere. */
export function systemWithSchema(call: Pick<ModelCall, 'system' | 'output'>): string {
  const rule = `Answer with one JSON object and nothing else. It must be valid against this JSON Schema:\n${JSON.stringify(call.output!.schema)}`;
  return call.system ? `${call.system}\n\n${rule}` : rule;
}
