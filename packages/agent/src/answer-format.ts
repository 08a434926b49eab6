/** Answers in a format that the run's request asked for (`RunOptions.format`): told to the model, and checked afterwards. */
import { runInNewContext } from 'node:vm';
import { Validator } from '@cfworker/json-schema';
import { type AnswerFormat, cutText } from '@nightshift/contracts';
import type { ModelCall, StopReason } from '@nightshift/providers';

/**
 * How long a schema may be checked against, in milliseconds. Schemas come from clients: references and patterns can make
 * the work grow exponentially, and nothing else runs in this process meanwhile.
 */
const checkMs = 250;

/** An answer that is not in the format is asked for again, so often. */
export const maxRepairs = 1;

const jsonObjectRule = 'Answer with one JSON object and nothing else: no explanation, no Markdown.';

/** For the system prompt. A schema goes to the vendor as such. */
export const formatRule = (format: AnswerFormat | undefined): string =>
  format?.type === 'json_object' ? jsonObjectRule : '';

export const outputOf = (format: AnswerFormat | undefined): Pick<ModelCall, 'output'> =>
  format?.type === 'json_schema' ? { output: { name: format.name, schema: format.schema } } : {};

/** The answer as it is stored, or what is wrong with it. */
export type CheckedAnswer = { text: string } | { problem: string };

/** An answer that was cut at the output limit is no fault of the model: it passes, and says so (`stop`). */
export function checkAnswer(
  text: string,
  format: AnswerFormat | undefined,
  stop: StopReason | 'error',
): CheckedAnswer {
  if (!format || stop === 'length') return { text };
  const json = withoutFence(text);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return { problem: `It is no valid JSON: ${cutText((error as Error).message, 200)}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: 'It is no JSON object.' };
  const problem = format.type === 'json_schema' ? violationOf(value, format.schema) : null;
  return problem === null ? { text: json } : { problem };
}

/** Models like to put JSON into a block of Markdown. */
function withoutFence(text: string): string {
  const trimmed = text.trim();
  const opening = /^```(?:json)?[ \t]*\n/i.exec(trimmed)?.[0];
  return opening && trimmed.endsWith('```') ? trimmed.slice(opening.length, -3).trim() : trimmed;
}

/** Null: the value is valid. */
export function violationOf(value: unknown, schema: Record<string, unknown>): string | null {
  try {
    const validate = () => new Validator(schema, '2020-12', true).validate(value);
    const { valid, errors } = runInNewContext('validate()', { validate }, { timeout: checkMs }) as ReturnType<
      typeof validate
    >;
    if (valid) return null;
    // The last one is the innermost.
    const { instanceLocation = '#', error = 'it is not valid' } = errors.at(-1) ?? {};
    return `It is not valid against the schema, at ${cutText(instanceLocation, 200)}: ${cutText(error, 300)}`;
  } catch (error) {
    return `The schema cannot be checked: ${cutText((error as Error).message, 200)}`;
  }
}

/** What the model is told when its answer is asked for again. */
export function repairRequest(problem: string, format: AnswerFormat): string {
  const schema =
    format.type === 'json_schema'
      ? ` that is valid against this JSON Schema:\n${JSON.stringify(format.schema)}`
      : '.';
  return `[Your answer was not accepted. ${problem}]\n\nAnswer again, with one JSON object and nothing else${schema}`;
}
