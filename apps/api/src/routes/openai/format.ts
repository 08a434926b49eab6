/** `response_format` and `text.format`, as the run is told of them. */
import { violationOf } from '@nightshift/agent';
import type { AnswerFormat } from '@nightshift/contracts';
import { invalidField } from '@nightshift/core/errors';

/** Of a schema's JSON: vendors take less. */
const maxSchemaLength = 100_000;

/** @throws {DomainError} invalid_request: the schema cannot be used. `path`: of the schema, for errors */
export function answerFormat(
  format: { type: string; name?: unknown; schema?: unknown } | null | undefined,
  path: string,
): AnswerFormat | undefined {
  if (!format || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json_object' };
  const schema = format.schema as Record<string, unknown>;
  if (JSON.stringify(schema).length > maxSchemaLength)
    throw invalidField(path, `is longer than ${maxSchemaLength} characters`);
  const isObject = schema.type === 'object' || schema.properties !== undefined || schema.$ref !== undefined;
  if (!isObject) throw invalidField(path, 'must be the schema of an object (type: "object")');
  const problem = violationOf({}, schema);
  if (problem?.startsWith('The schema cannot')) throw invalidField(path, problem);
  return { type: 'json_schema', name: String(format.name), schema };
}
