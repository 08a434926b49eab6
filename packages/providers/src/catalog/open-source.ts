import type { Compat } from '../provider.ts';

/**
 * What the servers under nearly every host of open models understand (vLLM, SGLang, TGI, llama.cpp and their kin):
 * chat completions as they were before OpenAI renamed the cap, and no common word for how much to think.
 */
export const openSource: Compat = { maxTokensField: 'max_tokens', thinkingField: 'none' };
