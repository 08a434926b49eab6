/** One protocol a wire. */
import type { Protocol, WireName } from '../provider.ts';
import { createAnthropicMessages } from './anthropic-messages.ts';
import { createDemo } from './demo.ts';
import { createOpenAiChat } from './openai-chat.ts';

export type Protocols = Readonly<Record<WireName, Protocol>>;

export function createProtocols(): Protocols {
  return {
    'openai-chat': createOpenAiChat(),
    'anthropic-messages': createAnthropicMessages(),
    demo: createDemo(),
  };
}
