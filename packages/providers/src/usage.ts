/**
 * Token counts as vendors report them, in our terms. Vendors are not trusted to send numbers: a count that is missing or
 * makes no sense is 0, and `settlement.ts` decides what a 0 is worth.
 */
import type { TokenUsage } from '@nightshift/contracts';

type Loose = Record<string, unknown> | null | undefined;

/** More than any call uses, and few enough for the sums of the ledger's integers. */
const MAX_TOKENS = 100_000_000;

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 && value <= MAX_TOKENS ? Math.round(value) : 0;
}

/**
 * `usage` of chat completions (https://platform.openai.com/docs/api-reference/chat/object) and of responses, which name
 * the same things otherwise. Dialects: DeepSeek has `prompt_cache_hit_tokens`, Moonshot `cached_tokens`; Gemini and xAI
 * leave reasoning out of `completion_tokens` and show it only in the total.
 */
export function usageOfOpenAi(raw: unknown): TokenUsage | null {
  const usage = raw as Loose;
  if (!usage) return null;
  const prompt = (usage.prompt_tokens_details ?? usage.input_tokens_details) as Loose;
  const completion = (usage.completion_tokens_details ?? usage.output_tokens_details) as Loose;
  const input = count(usage.prompt_tokens ?? usage.input_tokens);
  const counted = count(usage.completion_tokens ?? usage.output_tokens);
  // Without a count of the input the total says nothing of the output.
  const hidden = input === 0 ? 0 : Math.max(0, count(usage.total_tokens) - input - counted);
  const output = counted + hidden;
  // An endpoint that counts nothing reports zeros.
  if (input + output === 0) return null;
  const cachedInput = Math.min(
    input,
    count(prompt?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens),
  );
  return {
    input,
    cachedInput,
    cacheWrite: Math.min(input - cachedInput, count(prompt?.cache_write_tokens)),
    output,
    reasoning: Math.min(output, Math.max(hidden, count(completion?.reasoning_tokens))),
  };
}

/**
 * `usage` of Anthropic messages, whose `input_tokens` leaves cached and cache-written tokens out; ours includes both.
 * `message_delta` repeats some of the fields of `message_start`, cumulatively: what it leaves out stays.
 * https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#tracking-cache-performance
 */
export function usageOfAnthropic(raw: unknown, before: AnthropicCounts | null): AnthropicCounts | null {
  const usage = raw as Loose;
  if (!usage) return before;
  const pick = (name: string, previous: number | undefined) => count(usage[name]) || (previous ?? 0);
  const details = usage.output_tokens_details as Loose;
  return {
    fresh: pick('input_tokens', before?.fresh),
    read: pick('cache_read_input_tokens', before?.read),
    written: pick('cache_creation_input_tokens', before?.written),
    output: pick('output_tokens', before?.output),
    reasoning: count(details?.thinking_tokens) || (before?.reasoning ?? 0),
  };
}

export interface AnthropicCounts {
  fresh: number;
  read: number;
  written: number;
  output: number;
  reasoning: number;
}

export function toTokenUsage(counts: AnthropicCounts | null): TokenUsage | null {
  const input = counts ? counts.fresh + counts.read + counts.written : 0;
  // An endpoint that counts nothing reports zeros.
  if (!counts || input + counts.output === 0 || input > MAX_TOKENS) return null;
  return {
    input,
    cachedInput: counts.read,
    cacheWrite: counts.written,
    output: counts.output,
    reasoning: Math.min(counts.output, counts.reasoning),
  };
}
