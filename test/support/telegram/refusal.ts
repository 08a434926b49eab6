import type { Reaction } from '../channel/index.ts';

/** How the Bot API refuses, https://core.telegram.org/bots/api#making-requests. */
export class Refusal extends Error {
  readonly code: number;
  readonly parameters: object | undefined;

  constructor(code: number, description: string, parameters?: object) {
    super(description);
    this.code = code;
    this.parameters = parameters;
  }
}

export const answerOf = ({ code, message, parameters }: Refusal): object => ({
  ok: false,
  error_code: code,
  description: message,
  ...(parameters && { parameters }),
});

/** The same for `react`. */
export function refusal(code: number, description: string, parameters?: object): Reaction {
  const body = JSON.stringify(answerOf(new Refusal(code, description, parameters)));
  return { status: code, headers: { 'content-type': 'application/json' }, body };
}

export const badRequest = (why: string) => new Refusal(400, `Bad Request: ${why}`);
