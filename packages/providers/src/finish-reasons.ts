/**
 * Why an answer ended, as vendors put it. One table for all wires, since those who imitate a wire keep words
 * of another. A reason that is not listed is a failure: nobody knows then whether the answer is whole.
 */
import { cleanFor } from './errors.ts';
import { type Endpoint, ModelError } from './provider.ts';

/**
 * end: whole · length: cut at the output cap · window: cut because the context window is full · filtered: by
 * a content filter · refused: by the model itself · malformed: a tool call that the vendor could not read ·
 * pause: to be gone on with · overload, failed: the vendor's fault
 */
export type Finish =
  | 'end'
  | 'length'
  | 'window'
  | 'filtered'
  | 'refused'
  | 'malformed'
  | 'pause'
  | 'overload'
  | 'failed';

/**
 * OpenAI: https://platform.openai.com/docs/api-reference/chat/object ·
 * https://platform.openai.com/docs/api-reference/responses/object (`incomplete_details`) ·
 * Anthropic: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons ·
 * Gemini, whose names its OpenAI-compatible endpoint passes on as they are:
 * https://ai.google.dev/api/generate-content#FinishReason · DeepSeek: https://api-docs.deepseek.com/api/create-chat-completion · Mistral: https://docs.mistral.ai/api/ ·
 * Zhipu: https://docs.bigmodel.cn/api-reference/ · Bedrock:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html · Baidu (`normal`): https://cloud.baidu.com/doc/qianfan-api/ · AI21 (`endoftext`): https://docs.ai21.com ·
 * Cohere: https://docs.cohere.com/reference/chat · Together (`eos`):
 * https://docs.together.ai/reference/chat-completions-1 · TGI (`eos_token`): https://huggingface.co/docs/text-generation-inference · vLLM (`abort`): https://docs.vllm.ai
 */
const reasons: Record<Finish, readonly string[]> = {
  end: [
    'stop',
    'tool_calls',
    'function_call',
    'end_turn',
    'stop_sequence',
    'tool_use',
    'tool_call',
    'eos',
    'eos_token',
    'stop_token',
    'end',
    'end_of_text',
    'endoftext',
    'complete',
    'completed',
    'finished',
    'done',
    'normal',
  ],
  length: [
    'length',
    'max_tokens',
    'max_output_tokens',
    'max_completion_tokens',
    'max_length',
    'model_length',
  ],
  window: ['model_context_window_exceeded', 'context_length_exceeded', 'context_length'],
  filtered: [
    'content_filter',
    'content_filtered',
    'content_filter_error',
    'guardrail_intervened',
    'safety',
    'recitation',
    'blocklist',
    'prohibited_content',
    'spii',
    'language',
    'model_armor',
    'image_safety',
    'image_prohibited_content',
    'image_recitation',
    'sensitive',
    'error_toxic',
    'moderation',
    'flagged',
    'blocked',
  ],
  refused: ['refusal'],
  malformed: [
    'malformed_function_call',
    'malformed_tool_call',
    'malformed_tool_use',
    'malformed_model_output',
    'unexpected_tool_call',
    'too_many_tool_calls',
    'missing_thought_signature',
    'malformed_response',
    'tool_use_failed',
  ],
  pause: ['pause_turn'],
  overload: ['insufficient_system_resource', 'overloaded'],
  failed: [
    'error',
    'network_error',
    'abort',
    'aborted',
    'cancel',
    'cancelled',
    'canceled',
    'other',
    'user_cancel',
    'failed',
    'error_limit',
    'timeout',
  ],
};

const finishOf = new Map(
  (Object.keys(reasons) as Finish[]).flatMap((finish) => reasons[finish].map((reason) => [reason, finish])),
);

/** Longest reason that is looked at, in characters. */
const MAX_LENGTH = 100;

/**
 * What a vendor's reason means, in whatever case it is written; null: nobody knows. Gemini's may have two
 * parts, `function_call_filter: MALFORMED_FUNCTION_CALL`.
 */
export function readFinish(reason: unknown): Finish | null {
  const text = String(reason).slice(0, MAX_LENGTH);
  const exact = finishOf.get(text);
  if (exact !== undefined) return exact;
  const [known, first, second] = [text, ...text.split(':')].map((part) => finishOf.get(normalize(part)));
  return known ?? (second === 'failed' ? (first ?? second) : (second ?? first)) ?? null;
}

/** `FINISH_REASON_MAX_TOKENS`, `maxTokens` and `max-tokens` are one. */
function normalize(reason: string): string {
  return reason
    .trim()
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[- ]/g, '_')
    .replace(/^finish_reason_/, '');
}

/** Some servers send a reason with every chunk, which says that there is none yet. */
export function isReason(reason: unknown): boolean {
  return reason !== undefined && reason !== null && reason !== '' && reason !== 'null';
}

/**
 * The failure that a reason is, or null for an answer that may be used as it is. `reason`: the vendor's own
 * word.
 */
export function finishError(finish: Finish | null, reason: unknown, endpoint: Endpoint): ModelError | null {
  const word = () => cleanFor(endpoint, String(reason).slice(0, MAX_LENGTH));
  switch (finish) {
    case 'end':
    case 'length':
    case 'window':
      return null;
    case 'filtered':
      return new ModelError('content', "The vendor's content filter stopped the answer.");
    case 'refused':
      return new ModelError('content', 'The model refused to go on, for safety reasons.');
    case 'malformed':
      return new ModelError(
        'malformed',
        `The model made a tool call that its vendor cannot read (${word()}).`,
      );
    case 'pause':
      return new ModelError('server', 'The model paused again and again and did not finish its answer.');
    case 'overload':
      return new ModelError('overload', `The vendor stopped the answer: it is overloaded (${word()}).`);
    case 'failed':
      return new ModelError('server', `The vendor stopped the answer with an error (${word()}).`);
    case null:
      return new ModelError('server', `The answer ended for a reason that is not known here: "${word()}".`);
  }
}
