/** One protocol a wire. */
import { withGoogleTokens } from '../google-tokens.ts';
import type { Protocol, WireName } from '../provider.ts';
import { createAnthropicMessages } from './anthropic-messages.ts';
import { createDemo } from './demo.ts';
import { createOpenAiChat } from './openai-chat.ts';
import { createOpenAiResponses } from './openai-responses.ts';

export type Protocols = Readonly<Record<WireName, Protocol>>;

export function createProtocols(): Protocols {
  return {
    'openai-chat': withGoogleTokens(createOpenAiChat()),
    'openai-responses': createOpenAiResponses(),
    'anthropic-messages': createAnthropicMessages(),
    demo: createDemo(),
  };
}
