/** What kind of failure a vendor's error is, from its status, names and words. */
import type { ErrorBody } from './error-body.ts';
import type { ModelErrorKind } from './provider.ts';

interface Rule {
  kind: ModelErrorKind;
  names?: RegExp;
  words?: RegExp;
  /** The words count only under these statuses. */
  statuses?: readonly number[];
}

/**
 * The conversation is too long, as vendors say it, under whatever status:
 * Anthropic "prompt is too long: 213462 tokens > 200000 maximum", "input length and `max_tokens` exceed
 * context limit" · OpenAI, OpenRouter, DeepSeek, vLLM "maximum context length is …", "exceeds the context
 * window" · Google "The input token count (…) exceeds the maximum number of tokens allowed" · xAI "maximum
 * prompt length is …" · Groq "Please reduce the length of the messages" · Bedrock "Input is too long for
 * requested model" · llama.cpp "exceeds the available context size" · LM Studio "greater than the context
 * length" · SGLang "is longer than the model's context length" · vLLM "longer than the maximum model length"
 * · Ollama "input length exceeds the context length" · Kimi "exceeded model token limit" ·
 * MiniMax "context window exceeds limit" · Copilot "prompt token count of … exceeds the limit of …" ·
 * Cohere "too many tokens" · TGI "`inputs` tokens + `max_new_tokens` must be <= …", "inputs must have less
 * than … tokens" · Qwen "Range of input length should be [1, …]" · Zhipu "Prompt exceeds max length" · Baidu
 * "prompt tokens too long"
 */
const overflow =
  /context (length|window|size|limit)|maximum context|(prompt|input|request|conversation|messages?|prompt tokens) (is|are)? ?too (long|large for)|too many (input |prompt )?tokens|exceed[a-z]{0,3} .{0,30}context|input token count .{0,40}exceed|maximum (prompt|model|input) length|exceeds? (the )?max(imum)? (prompt |input )?length|exceeds? the (maximum (number of )?|available )tokens|reduce (the length|your (prompt|message))|model token limit|token limit exceeded|exceeds the limit of \d+|max_new_tokens` must be|must have less than \d+ tokens|range of input length|contextlengthexceeded/i;

/**
 * The same, where a rate limit a minute is smaller than the request, so that waiting does not help (OpenAI,
 * Groq).
 */
const largerThanMinute = /request too large for .{0,120}tokens per min/i;

/**
 * Troubles that vendors put under several statuses, so that their names and words win over it; the first
 * match counts.
 * https://platform.openai.com/docs/guides/error-codes · https://docs.anthropic.com/en/api/errors ·
 * https://openrouter.ai/docs/api-reference/errors · https://api-docs.deepseek.com/quick_start/error_codes
 */
const specificRules: readonly Rule[] = [
  // https://console.groq.com/docs/tool-use: what the model wrote is in `failed_generation`.
  { kind: 'malformed', names: /tool_use_failed|output_parse_failed/ },
  {
    kind: 'context',
    names:
      /context_length_exceeded|request_too_large|context_window|string_above_max_length|exceed_context_size/,
  },
  { kind: 'context', words: overflow, statuses: [400, 413, 422, 424, 500, 501, 502, 503, 504, 529] },
  { kind: 'context', words: largerThanMinute, statuses: [413, 429] },
  {
    kind: 'content',
    names: /content_filter|_policy|moderation|safety|responsible_?ai|data_inspection_failed/,
  },
  {
    kind: 'content',
    words: /moderation|flagged|content (filter|policy|management)|safety (system|polic)/i,
    statuses: [400, 403, 422],
  },
  { kind: 'billing', names: /billing|payment_required|insufficient_balance|credit|arrearage/ },
  {
    kind: 'billing',
    words: /credit balance|insufficient (balance|credit|funds)|out of credits|payment required/i,
  },
  { kind: 'quota', names: /insufficient_quota|insufficient_user_quota|quota/ },
  {
    kind: 'quota',
    words:
      /exceeded your current quota|insufficient quota|(daily|weekly|monthly|plan|usage) (token |request |spend )?(limit|quota)/i,
    statuses: [403, 429],
  },
];

/** What is read from names only where no status says it: inside a 200, or under a 400 that means anything. */
const generalRules: readonly Rule[] = [
  {
    kind: 'auth',
    names:
      /authentication|invalid_?api_?key|permission|unauthorized|unauthenticated|accessdenied|unrecognizedclient|invalidsignature|expiredtoken/,
  },
  {
    kind: 'auth',
    words: /api[ _-]?key (is )?(not valid|invalid|expired)|invalid api[ _-]?key/i,
    statuses: [400],
  },
  { kind: 'overload', names: /overloaded|unavailable|capacity|modelnotready/ },
  { kind: 'rate', names: /rate_?limit|too_?many_?requests|resource_exhausted|throttl/ },
  { kind: 'model', names: /not_?found|invalid_model|unknown_model/ },
  { kind: 'timeout', names: /timeout/ },
  {
    kind: 'request',
    names: /invalid_(request|prompt|image|base64)|image_(too|file|parse)|validationexception/,
  },
];

/**
 * `status`: of the answer, or else the one that the body names. `hasRetryAfter`: the vendor names a delay.
 */
export function kindOfError(said: Omit<ErrorBody, 'isError'> & { hasRetryAfter: boolean }): ModelErrorKind {
  const { status } = said;
  const specific = specificRules.find((rule) => matches(rule, said));
  if (status !== undefined && status >= 500) {
    // A fault of the vendor's, unless it is clearly something else: gateways answer 500 for whatever went
    // wrong.
    if (specific && specific.kind !== 'content') return specific.kind;
    return /overloaded/.test(said.names) ? 'overload' : kindOfStatus(status);
  }
  // Gemini says "you exceeded your current quota" for a per-minute limit too, and then names a delay.
  if (specific?.kind === 'quota' && said.hasRetryAfter && !said.names.includes('insufficient_quota'))
    return 'rate';
  if (specific) return specific.kind;
  if (status === undefined || status === 400) {
    const general = generalRules.find((rule) => matches(rule, said));
    if (general) return general.kind;
  }
  return status === undefined ? 'server' : kindOfStatus(status);
}

function matches(rule: Rule, { status, names, message }: Omit<ErrorBody, 'isError'>): boolean {
  if (rule.names?.test(names)) return true;
  if (rule.statuses && status !== undefined && !rule.statuses.includes(status)) return false;
  return rule.words?.test(message) === true;
}

export function kindOfStatus(status: number): ModelErrorKind {
  switch (status) {
    case 401:
    case 403:
      return 'auth';
    case 402:
      return 'billing';
    case 404:
      return 'model';
    case 408:
      return 'timeout';
    // A lock that another request holds; the SDKs try again, too.
    case 409:
      return 'server';
    case 413:
      return 'context';
    case 429:
      return 'rate';
    case 503:
    case 529:
      return 'overload';
    default:
      return status >= 500 ? 'server' : 'request';
  }
}
