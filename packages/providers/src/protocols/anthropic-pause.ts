/**
 * Goes on with an answer that its vendor paused (`pause_turn`): what has come is sent back as it is, and the
 * model continues. It happens when server tools take long.
 * https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
 */
import type Anthropic from '@anthropic-ai/sdk';

/** So many times an answer is gone on with. */
export const MAX_PAUSES = 5;

type Body = Anthropic.MessageCreateParamsStreaming;
/** A block as it came, with the input of a tool as text. */
type Block = Record<string, unknown> & { type: string; inputJson?: string };

/** Keeps the blocks of an answer as they came, those that are of no further use here too. */
export class AnthropicBlocks {
  #body: Body;
  #blocks = new Map<number, Block>();

  constructor(body: Body) {
    this.#body = body;
  }

  start({ index, content_block }: Anthropic.RawContentBlockStartEvent): void {
    this.#blocks.set(index, { ...content_block });
  }

  delta({ index, delta }: Anthropic.RawContentBlockDeltaEvent): void {
    const block = this.#blocks.get(index);
    if (!block) return;
    const append = (key: string, more: unknown) => {
      block[key] = String(block[key] ?? '') + String(more ?? '');
    };
    if (delta.type === 'text_delta') append('text', delta.text);
    else if (delta.type === 'thinking_delta') append('thinking', delta.thinking);
    else if (delta.type === 'signature_delta') block.signature = delta.signature;
    else if (delta.type === 'input_json_delta') append('inputJson', delta.partial_json);
  }

  /** The request that goes on. */
  next(): Body {
    const content = [...this.#blocks].sort(([a], [b]) => a - b).flatMap(([, block]) => toParam(block));
    const messages = [...this.#body.messages];
    if (content.length > 0) {
      const last = messages.at(-1);
      // The second time the answer so far is in the request already.
      if (last?.role === 'assistant' && Array.isArray(last.content))
        messages[messages.length - 1] = { role: 'assistant', content: [...last.content, ...content] };
      else messages.push({ role: 'assistant', content });
      // After text, newer models refuse to go on with an answer of their own (prefill): they are asked to.
      const { type } = content.at(-1)!;
      if (type === 'text' || type === 'thinking' || type === 'redacted_thinking')
        messages.push({ role: 'user', content: [{ type: 'text', text: 'Go on.' }] });
    }
    this.#body = { ...this.#body, messages };
    this.#blocks = new Map();
    return this.#body;
  }
}

/**
 * Blocks that the vendor would refuse are left out: empty text, unsigned thinking, calls of ours without a
 * result.
 */
function toParam({ inputJson, ...block }: Block): Anthropic.ContentBlockParam[] {
  if (block.type === 'text' && String(block.text).trim() === '') return [];
  if (block.type === 'thinking' && !block.signature) return [];
  if (block.type === 'tool_use') return [];
  if (inputJson === undefined) return [block as unknown as Anthropic.ContentBlockParam];
  try {
    return [{ ...block, input: JSON.parse(inputJson) } as unknown as Anthropic.ContentBlockParam];
  } catch {
    return [];
  }
}
