/** Errors in OpenAI's shape, for everything under `/openai/`. https://platform.openai.com/docs/guides/error-codes */
import type { ErrorAnswer } from './plugins/problems.ts';

export const isOpenaiPath = (url: string): boolean => /^\/openai(?:[/?]|$)/.test(url);

/** A refusal that only this API knows: what its code, type and status mean is OpenAI's, not ours. */
export class OpenaiError extends Error {
  override readonly name = 'OpenaiError';
  readonly answer: ErrorAnswer;

  constructor(answer: ErrorAnswer) {
    super(answer.detail);
    this.answer = answer;
  }
}

const types: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

/** Of our codes, those for which OpenAI has its own, which clients look for. */
const codes: Record<string, string> = { unauthorized: 'invalid_api_key' };

export interface OpenaiErrorBody {
  error: { message: string; type: string; code: string; param: string | null };
}

export function toOpenaiError({ status, code, detail, type, fields }: ErrorAnswer): OpenaiErrorBody {
  const usual = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return {
    error: {
      message: detail,
      type: type ?? usual,
      code: codes[code] ?? code,
      param: fields?.[0]?.path || null,
    },
  };
}

/** What there is, and how it is asked for. */
const routes: readonly (readonly [RegExp, string])[] = [
  [/^\/openai\/v1\/models(\/[^/]+)?$/, 'GET, HEAD'],
  [/^\/openai\/v1\/(chat\/completions|responses)$/, 'POST'],
  [/^\/openai\/v1\/responses\/[^/]+$/, 'GET, HEAD'],
];

/** Why a request reached no route. */
export function unroutedOpenai(method: string, path: string): OpenaiError {
  const allow = routes.find(([pattern]) => pattern.test(path))?.[1];
  if (allow) {
    const detail = `${method} is not supported at ${path}. Allowed: ${allow}.`;
    return new OpenaiError({ status: 405, code: 'method_not_allowed', detail, headers: { allow } });
  }
  const detail = `There is nothing at ${method} ${path}. Supported: /openai/v1/models, /openai/v1/chat/completions and /openai/v1/responses.`;
  return new OpenaiError({ status: 404, code: 'not_found', detail });
}
