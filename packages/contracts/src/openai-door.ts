/**
 * The OpenAI-compatible door: `/openai/v1`. An agent is a model.
 * https://platform.openai.com/docs/api-reference/chat/create
 *
 * Requests are read leniently, because clients send whatever their library knows; what would change the
 * answer's meaning and cannot be honoured is refused by name.
 */
import { z } from 'zod';
import { maxMessageLength } from './conversations.ts';

const text = z.string().max(maxMessageLength);
const content = z.union([text, z.array(z.looseObject({ type: z.string(), text: text.optional() })).max(100)]);

export const ChatCompletionBody = z.looseObject({
  model: z.string().min(1).max(200),
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['system', 'developer', 'user', 'assistant']),
        content: content.nullish(),
      }),
    )
    .min(1)
    .max(1000),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1).nullish(),
  tools: z.array(z.unknown()).max(0, 'the agent has its own tools; client tools are not supported').nullish(),
  functions: z
    .array(z.unknown())
    .max(0, 'the agent has its own tools; client tools are not supported')
    .nullish(),
});
export type ChatCompletionBody = z.infer<typeof ChatCompletionBody>;
