/** What a request asks of a run's answer, beyond the agent's own settings. */

/** `json_object`: any JSON object. `json_schema`: JSON that is valid against `schema`, whose root is an object. */
export type AnswerFormat =
  | { type: 'json_object' }
  | { type: 'json_schema'; name: string; schema: Record<string, unknown> };

export interface RunOptions {
  format?: AnswerFormat;
  /** Upper bound of the output tokens of each model call. */
  maxOutputTokens?: number;
  /** The conversation begins with a history that the client brought along, and will bring along again with its next request. */
  brought?: boolean;
  /** False: the client asked not to be able to refer to this answer later (`store` of the OpenAI Responses API). */
  store?: boolean;
}
