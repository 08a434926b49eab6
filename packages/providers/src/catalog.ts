/**
 * The vendors, as data. Their order is the order of preference when an agent's model is left open (`auto`).
 * Base URLs and environment names follow the vendors' documentation (`docs`) and https://models.dev (MIT).
 */
import { z } from 'zod';
import { type Compat, type Endpoint, wireNames } from './provider.ts';

const Vendor = z.strictObject({
  /** The first part of a model reference, `openai/gpt-5.4`. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  name: z.string().min(1),
  /** Without a trailing slash. Null where the team gives it (a custom endpoint), or where there is none (demo). */
  baseUrl: z.url().nullable(),
  wire: z.enum(wireNames),
  /** Environment variables that may hold a key, the vendor's own name first. */
  env: z.array(z.string().regex(/^[A-Z][A-Z0-9_]*$/)).readonly(),
  /** The vendor's documentation. Null for the built-in demo. */
  docs: z.url({ protocol: /^https$/ }).nullable(),
  /** A model that is generally available, takes tools, and is no vendor's dearest. */
  defaultModel: z.string().optional(),
  /** Runs on the user's machines: needs no key and costs nothing a token. */
  local: z.boolean().optional(),
  compat: z.custom<Compat>((value) => typeof value === 'object' && value !== null),
});
export type Vendor = z.infer<typeof Vendor>;

export const vendors: readonly Vendor[] = z.array(Vendor).parse([
  {
    id: 'openai',
    name: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    wire: 'openai-chat',
    env: ['OPENAI_API_KEY'],
    docs: 'https://platform.openai.com/docs/models',
    defaultModel: 'gpt-5.4',
    compat: { noReasoningWithTools: ['gpt-5.5', 'gpt-5.6', 'gpt-6'] },
  },
  {
    id: 'anthropic',
    name: 'Anthropic',
    baseUrl: 'https://api.anthropic.com',
    wire: 'anthropic-messages',
    env: ['ANTHROPIC_API_KEY'],
    docs: 'https://docs.anthropic.com/en/docs/about-claude/models',
    defaultModel: 'claude-sonnet-5',
    compat: {},
  },
  {
    id: 'google',
    name: 'Google Gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    wire: 'openai-chat',
    env: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY'],
    docs: 'https://ai.google.dev/gemini-api/docs/openai',
    defaultModel: 'gemini-3.5-flash',
    compat: { maxTokensField: 'max_tokens', thoughtSignatures: true },
  },
  {
    id: 'mistral',
    name: 'Mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    wire: 'openai-chat',
    env: ['MISTRAL_API_KEY'],
    docs: 'https://docs.mistral.ai/getting-started/models/',
    defaultModel: 'mistral-medium-latest',
    // Sends usage unasked and refuses fields that it does not know.
    compat: { maxTokensField: 'max_tokens', noStreamUsage: true, toolCallIds: 'alphanumeric9' },
  },
  {
    id: 'deepseek',
    name: 'DeepSeek',
    baseUrl: 'https://api.deepseek.com',
    wire: 'openai-chat',
    env: ['DEEPSEEK_API_KEY'],
    docs: 'https://api-docs.deepseek.com/quick_start/pricing',
    defaultModel: 'deepseek-v4-flash',
    compat: { maxTokensField: 'max_tokens', reasoningField: 'reasoning_content', textOnly: true },
  },
  {
    id: 'xai',
    name: 'xAI',
    baseUrl: 'https://api.x.ai/v1',
    wire: 'openai-chat',
    env: ['XAI_API_KEY'],
    docs: 'https://docs.x.ai/docs/models',
    defaultModel: 'grok-4.3',
    compat: {},
  },
  {
    id: 'groq',
    name: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    wire: 'openai-chat',
    env: ['GROQ_API_KEY'],
    docs: 'https://console.groq.com/docs/models',
    defaultModel: 'openai/gpt-oss-120b',
    compat: {},
  },
  {
    id: 'cerebras',
    name: 'Cerebras',
    baseUrl: 'https://api.cerebras.ai/v1',
    wire: 'openai-chat',
    env: ['CEREBRAS_API_KEY'],
    docs: 'https://inference-docs.cerebras.ai/models/overview',
    defaultModel: 'gpt-oss-120b',
    compat: {},
  },
  {
    id: 'together',
    name: 'Together AI',
    baseUrl: 'https://api.together.xyz/v1',
    wire: 'openai-chat',
    env: ['TOGETHER_API_KEY'],
    docs: 'https://docs.together.ai/docs/serverless-models',
    defaultModel: 'openai/gpt-oss-120b',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'fireworks',
    name: 'Fireworks AI',
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    wire: 'openai-chat',
    env: ['FIREWORKS_API_KEY'],
    docs: 'https://fireworks.ai/docs/',
    defaultModel: 'accounts/fireworks/models/gpt-oss-120b',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'openrouter',
    name: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    wire: 'openai-chat',
    env: ['OPENROUTER_API_KEY'],
    docs: 'https://openrouter.ai/models',
    defaultModel: 'openrouter/auto',
    compat: { maxTokensField: 'max_tokens', reasoningField: 'reasoning' },
  },
  {
    id: 'moonshot',
    name: 'Moonshot AI (Kimi)',
    baseUrl: 'https://api.moonshot.ai/v1',
    wire: 'openai-chat',
    env: ['MOONSHOT_API_KEY'],
    docs: 'https://platform.moonshot.ai/docs/api/chat',
    defaultModel: 'kimi-k2.6',
    compat: { maxTokensField: 'max_tokens', reasoningField: 'reasoning_content' },
  },
  {
    id: 'zai',
    name: 'Z.AI',
    baseUrl: 'https://api.z.ai/api/paas/v4',
    wire: 'openai-chat',
    env: ['ZAI_API_KEY', 'ZHIPU_API_KEY'],
    docs: 'https://docs.z.ai/guides/overview/pricing',
    defaultModel: 'glm-5.2',
    compat: { maxTokensField: 'max_tokens', reasoningField: 'reasoning_content' },
  },
  {
    id: 'minimax',
    name: 'MiniMax',
    baseUrl: 'https://api.minimax.io/anthropic',
    wire: 'anthropic-messages',
    env: ['MINIMAX_API_KEY'],
    docs: 'https://platform.minimax.io/docs/guides/quickstart',
    defaultModel: 'MiniMax-M2.7',
    compat: { textOnly: true, xApiKey: true },
  },
  {
    id: 'alibaba',
    name: 'Alibaba Cloud (Qwen)',
    baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    wire: 'openai-chat',
    env: ['DASHSCOPE_API_KEY'],
    docs: 'https://www.alibabacloud.com/help/en/model-studio/models',
    defaultModel: 'qwen-plus',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'nvidia',
    name: 'NVIDIA NIM',
    baseUrl: 'https://integrate.api.nvidia.com/v1',
    wire: 'openai-chat',
    env: ['NVIDIA_API_KEY'],
    docs: 'https://docs.api.nvidia.com/nim/',
    defaultModel: 'openai/gpt-oss-120b',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'huggingface',
    name: 'Hugging Face',
    baseUrl: 'https://router.huggingface.co/v1',
    wire: 'openai-chat',
    env: ['HF_TOKEN'],
    docs: 'https://huggingface.co/docs/inference-providers',
    defaultModel: 'openai/gpt-oss-120b',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'cohere',
    name: 'Cohere',
    baseUrl: 'https://api.cohere.ai/compatibility/v1',
    wire: 'openai-chat',
    env: ['COHERE_API_KEY', 'CO_API_KEY'],
    docs: 'https://docs.cohere.com/docs/compatibility-api',
    defaultModel: 'command-a-03-2025',
    compat: { maxTokensField: 'max_tokens', noStreamUsage: true, textOnly: true },
  },
  {
    id: 'vercel',
    name: 'Vercel AI Gateway',
    baseUrl: 'https://ai-gateway.vercel.sh/v1',
    wire: 'openai-chat',
    env: ['AI_GATEWAY_API_KEY'],
    docs: 'https://vercel.com/docs/ai-gateway/openai-compat',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'github-models',
    name: 'GitHub Models',
    baseUrl: 'https://models.github.ai/inference',
    wire: 'openai-chat',
    // Not GITHUB_TOKEN: many environments hold one for other purposes, and it must not be spent on models unasked.
    env: ['GITHUB_MODELS_TOKEN'],
    docs: 'https://docs.github.com/en/github-models',
    defaultModel: 'openai/gpt-4.1',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'perplexity',
    name: 'Perplexity',
    baseUrl: 'https://api.perplexity.ai',
    wire: 'openai-chat',
    env: ['PERPLEXITY_API_KEY'],
    docs: 'https://docs.perplexity.ai',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'ollama',
    name: 'Ollama',
    baseUrl: 'http://127.0.0.1:11434/v1',
    wire: 'openai-chat',
    env: ['OLLAMA_API_KEY'],
    docs: 'https://docs.ollama.com/api/openai-compatibility',
    local: true,
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'lmstudio',
    name: 'LM Studio',
    baseUrl: 'http://127.0.0.1:1234/v1',
    wire: 'openai-chat',
    env: ['LMSTUDIO_API_KEY'],
    docs: 'https://lmstudio.ai/docs/developer/openai-compat',
    local: true,
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'vllm',
    name: 'vLLM',
    baseUrl: 'http://127.0.0.1:8000/v1',
    wire: 'openai-chat',
    env: ['VLLM_API_KEY'],
    docs: 'https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html',
    local: true,
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'llamacpp',
    name: 'llama.cpp',
    baseUrl: 'http://127.0.0.1:8080/v1',
    wire: 'openai-chat',
    env: ['LLAMA_API_KEY'],
    docs: 'https://github.com/ggml-org/llama.cpp/tree/master/tools/server',
    local: true,
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'openai-compatible',
    name: 'OpenAI-compatible endpoint',
    baseUrl: null,
    wire: 'openai-chat',
    env: [],
    docs: 'https://platform.openai.com/docs/api-reference/chat',
    compat: { maxTokensField: 'max_tokens' },
  },
  {
    id: 'anthropic-compatible',
    name: 'Anthropic-compatible endpoint',
    baseUrl: null,
    wire: 'anthropic-messages',
    env: [],
    docs: 'https://docs.anthropic.com/en/api/messages',
    compat: { xApiKey: true },
  },
  {
    id: 'demo',
    name: 'Demo (built in, no key)',
    baseUrl: null,
    wire: 'demo',
    env: [],
    docs: null,
    defaultModel: 'guide',
    local: true,
    compat: {},
  },
]);

const byId = new Map(vendors.map((vendor) => [vendor.id, vendor]));

/** The vendor of that id, or undefined. */
export function findVendor(id: string): Vendor | undefined {
  return byId.get(id);
}

/**
 * Where a vendor's call goes. `baseUrl` replaces the vendor's own: a proxy, or the address of a custom endpoint.
 * @throws {Error} when neither has one.
 */
export function endpointOf(
  vendor: Vendor,
  { apiKey, baseUrl, provider }: { apiKey: string | null; baseUrl?: string | null; provider?: string },
): Endpoint {
  const url = baseUrl ?? vendor.baseUrl ?? (vendor.wire === 'demo' ? '' : undefined);
  if (url === undefined) throw new Error(`"${vendor.id}" needs a base URL.`);
  return {
    provider: provider ?? vendor.id,
    wire: vendor.wire,
    baseUrl: url.replace(/\/+$/, ''),
    apiKey,
    compat: vendor.compat,
  };
}

export interface ModelRef {
  provider: string;
  /** The vendor's own id. It may hold slashes. */
  model: string;
}

/**
 * Splits `provider/model`, at the first slash.
 * @throws {Error} with a message for people when it is not of that form.
 */
export function parseModelRef(ref: string): ModelRef {
  const slash = ref.indexOf('/');
  const provider = ref.slice(0, slash);
  const model = ref.slice(slash + 1);
  if (slash < 1 || model === '' || /\s/.test(ref)) {
    throw new Error(`"${ref}" is not a model: write provider/model, for example openai/gpt-5.4.`);
  }
  return { provider, model };
}
