/**
 * The provider port: one model call, from a neutral conversation to a stream of neutral events.
 *
 * A *protocol* knows one wire (a vendor's HTTP API) and nothing else. A *vendor* is a row of data in
 * `catalog.ts`. Neither knows the database, teams or retries: credentials come in with the endpoint,
 * and the router above decides what to try next.
 */
import {
  type AssistantMessage,
  type ModelMessage,
  storableText,
  type TokenPrices,
  type TokenUsage,
  type ToolSpec,
} from '@nightshift/contracts';

/** One wire protocol. */
export interface Protocol {
  /**
   * Calls the model and streams its answer.
   *
   * Never throws and never rejects: a failure is the `error` event. The last event is exactly one of
   * `done` or `error`. When `signal` aborts, the socket is closed at once and the stream ends with an
   * `error` of kind `aborted`. The protocol does not retry.
   */
  stream(call: ModelCall, endpoint: Endpoint, signal: AbortSignal): AsyncIterable<ModelEvent>;
}

/** What is asked of a model, in neutral terms. */
export interface ModelCall {
  /** The vendor's own id of the model, without the `provider/` prefix. */
  model: string;
  system?: string;
  messages: readonly ModelMessage[];
  tools?: readonly ToolSpec[];
  /** Default `auto`. `required`: at least one call. */
  toolChoice?: 'auto' | 'none' | 'required';
  /** Whether one answer may hold several tool calls. Default true. */
  parallelToolCalls?: boolean;
  /** Upper bound of output tokens, thinking included. The wire's own default when absent, where the wire has one. */
  maxOutputTokens?: number;
  /** How much the model is to think before it answers. The model's own default when absent. */
  thinking?: 'off' | 'low' | 'medium' | 'high';
  /** The answer's text is to be JSON of this schema (type object). `name`: `^[a-zA-Z0-9_-]{1,64}$`. */
  output?: { name: string; schema: Record<string, unknown> };
  /** Calls that begin alike share it, e.g. a conversation's id: vendors then find their prompt cache again. */
  cacheKey?: string;
}

/** Where a call goes and with which key. */
export interface Endpoint {
  /** Vendor id of the catalogue, or the name of a custom endpoint. */
  provider: string;
  wire: WireName;
  /** Without a trailing slash. */
  baseUrl: string;
  /** Null where the vendor needs none (a local server). */
  apiKey: string | null;
  compat: Compat;
  /** Where the models are listed, if not at `{baseUrl}/models`. Null: nowhere. */
  modelsUrl?: string | null;
  /** The key may be a Google service account: access tokens are made from it. */
  googleTokens?: boolean;
  /** The team's own, for models that the price list does not know. */
  prices?: TokenPrices;
}

export const wireNames = ['openai-chat', 'openai-responses', 'anthropic-messages', 'demo'] as const;
export type WireName = (typeof wireNames)[number];

/** Model ids that begin with one of these. `['']` is every model. */
export type ModelPrefixes = readonly string[];

/**
 * What a vendor's dialect of a wire lacks or wants. All optional: absent is the wire's own rule. Parameters that
 * somebody refuses are only ever sent when a call asks for what they do.
 */
export interface Compat {
  /** The parameter that caps output (openai-chat). Default `max_completion_tokens`. */
  maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** The vendor refuses `stream_options.include_usage` (openai-chat). */
  noStreamUsage?: boolean;
  /** Tool-call ids that the vendor accepts. Default: 1–40 characters of `[a-zA-Z0-9_-]`. */
  toolCallIds?: 'alphanumeric9';
  /** The vendor refuses `parallel_tool_calls` (openai wires): a call that wants one tool at a time does not say so. */
  noParallelToolCalls?: boolean;
  /** The vendor refuses `tool_choice: "required"`, or "any" (Kimi): `auto` is sent instead. */
  noRequiredToolChoice?: boolean;

  /** Reasoning comes and must be echoed in this field of assistant messages (DeepSeek, Kimi). */
  reasoningField?: 'reasoning_content' | 'reasoning';
  /**
   * How `ModelCall.thinking` is put (openai-chat). Default `reasoning_effort`.
   * reasoning: `{effort}` (OpenRouter) · thinking: `{type: "enabled" | "disabled"}` (DeepSeek, Kimi, Z.AI) ·
   * enable_thinking: true or false (Qwen) · none: it is not sent
   */
  thinkingField?: 'reasoning_effort' | 'reasoning' | 'thinking' | 'enable_thinking' | 'none';
  /** Models that refuse every thinking parameter: none is sent. */
  noThinking?: ModelPrefixes;
  /** Models that cannot be told not to think: `off` is sent as `low`. */
  alwaysThinks?: ModelPrefixes;
  /**
   * Models that take `thinking: {type: "enabled", budget_tokens}` instead of adaptive thinking (anthropic-messages):
   * Claude up to 4.5, and the vendors that imitate it.
   */
  budgetThinking?: ModelPrefixes;
  /**
   * Models that take function tools on this wire only with `reasoning_effort: "none"` (OpenAI from gpt-5.5 on answers
   * 400 otherwise, also when no effort is asked for). https://github.com/BerriAI/litellm/pull/34569
   */
  noReasoningWithTools?: ModelPrefixes;
  /**
   * Models whose chat template opens the thinking, so that their text begins within it and has a lone
   * `</think>`, where the server does not part the two. The text is shown as thinking until
   * then; when the tag never comes, it becomes the answer at the end.
   * https://docs.sglang.io/advanced_features/separate_reasoning.html
   */
  opensThinking?: boolean | ModelPrefixes;
  /**
   * Tool calls carry a `thought_signature` that must be sent back with them (Gemini).
   * https://ai.google.dev/gemini-api/docs/thought-signatures
   */
  thoughtSignatures?: boolean;

  /**
   * The vendor takes no JSON Schema for the answer: it is told in the system prompt, on openai-chat together with
   * `response_format: {type: "json_object"}` (DeepSeek).
   */
  schemaInPrompt?: boolean;
  /** The vendor knows `prompt_cache_key` (openai wires): `ModelCall.cacheKey` is sent in it. */
  promptCacheKey?: boolean;

  /** Models, or all of them, that take no images. They are replaced by a note. */
  textOnly?: boolean | ModelPrefixes;
  /** Models that take PDF files. Otherwise they are replaced by a note. Files of text are sent as text anyway. */
  files?: boolean | ModelPrefixes;
  /** Models that take audio, WAV and MP3 (openai-chat). Otherwise it is replaced by a note. */
  audio?: boolean | ModelPrefixes;

  /**
   * Where in `usage` the vendor says what the call cost, in USD. cost: with what OpenRouter says of a call on the user's
   * own key elsewhere · cost_in_usd_ticks: in units of 10⁻¹⁰ USD
   */
  costField?: 'cost' | 'cost.total_cost' | 'cost_usd_total' | 'cost_in_usd_ticks' | 'estimated_cost';
  /** The vendor says what a call cost when it is asked to with `usage: {include: true}` (openai-chat). */
  asksForCost?: boolean;

  /** The endpoint reads the key from `x-api-key` (anthropic-messages); it is sent in both places then. */
  xApiKey?: boolean;
  /** The `anthropic-version` to send, where the SDK's own is not known (imitators, Bedrock). */
  anthropicVersion?: string;
}

/** What a vendor says is left for a key. Each field only when the vendor says so. */
export interface RateLimit {
  remainingRequests?: number;
  remainingTokens?: number;
  /** Milliseconds until the limits that are used up are reset; when none is, until all are. */
  resetMs?: number;
}

/** A model's answer as it arrives. */
export type ModelEvent =
  | { type: 'start'; rateLimit?: RateLimit }
  | { type: 'text'; delta: string }
  | { type: 'thinking'; delta: string }
  | { type: 'toolStart'; id: string; name: string }
  | { type: 'toolDelta'; id: string; delta: string }
  | { type: 'toolEnd'; id: string }
  | {
      type: 'done';
      message: AssistantMessage;
      stop: StopReason;
      usage: TokenUsage | null;
      report?: VendorReport;
    }
  | {
      type: 'error';
      error: ModelError;
      partial: AssistantMessage;
      usage: TokenUsage | null;
      report?: VendorReport;
    };

/** What a vendor says of a call besides its tokens. Each field only when the vendor says so. */
export interface VendorReport {
  /** The model that answered, where it is not the one that was asked: a router's choice, a dated version. */
  model?: string;
  /** What the vendor charges for the call. Decimal string. */
  costUsd?: string;
}

/** Why a complete answer ended. `length`: the output cap was reached. */
export type StopReason = 'end' | 'toolCalls' | 'length';

/**
 * What went wrong with a model call.
 *
 * auth: the key is refused · billing: the account must pay · quota: a plan's limit, not soon over · rate: slow down ·
 * overload, server: the vendor's fault · network: no connection · timeout: too slow · context: the conversation is
 * too long · content: refused by a filter, before the answer or within it · model: no such model ·
 * request: the vendor calls our request invalid ·
 * empty: an answer of nothing, or of thinking alone · malformed: a tool call that the vendor could not read ·
 * truncated: the stream ended without its finish marker · aborted: we stopped it.
 */
export type ModelErrorKind =
  | 'auth'
  | 'billing'
  | 'quota'
  | 'rate'
  | 'overload'
  | 'server'
  | 'network'
  | 'timeout'
  | 'context'
  | 'content'
  | 'model'
  | 'request'
  | 'empty'
  | 'malformed'
  | 'truncated'
  | 'aborted';

const retryableKinds: ReadonlySet<ModelErrorKind> = new Set([
  'rate',
  'overload',
  'server',
  'network',
  'timeout',
  'empty',
  'malformed',
  'truncated',
]);

export interface ModelErrorOptions {
  /** HTTP status, where there was one. */
  status?: number;
  /** What the vendor asked us to wait, in milliseconds. */
  retryAfterMs?: number;
  /** The vendor's own request id, for its support. */
  requestId?: string;
  /** malformed: what the model wrote, where the vendor says it. */
  failedGeneration?: string;
  cause?: unknown;
}

/** The one error of this package. It holds no secret: `message` is safe to show to the agent's team. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly kind: ModelErrorKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  readonly failedGeneration: string | undefined;

  constructor(kind: ModelErrorKind, message: string, options: ModelErrorOptions = {}) {
    // It may quote a vendor, and goes into the ledger.
    super(storableText(message), { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.requestId = options.requestId === undefined ? undefined : storableText(options.requestId);
    this.failedGeneration = options.failedGeneration;
  }

  /** Whether the same call may succeed later, with the same key. */
  get retryable(): boolean {
    return retryableKinds.has(this.kind);
  }
}
