import type { Compat } from '../provider.ts';

/**
 * What the servers under nearly every host of open models understand (vLLM, SGLang, TGI, llama.cpp and their kin):
 * chat completions as they were before OpenAI renamed the cap, and no common word for how much to think.
 */
export const openSource: Compat = { maxTokensField: 'max_tokens', thinkingField: 'none' };

/**
 * The same for servers of one's own, which leave the thinking in the text unless they were told to part it.
 * These models' chat templates open it. https://docs.sglang.io/advanced_features/separate_reasoning.html
 */
export const ownServer: Compat = {
  ...openSource,
  opensThinking: [
    'deepseek-ai/DeepSeek-R1',
    'DeepSeek-R1',
    'deepseek-r1',
    'Qwen/QwQ',
    'QwQ',
    'qwq',
    'Qwen/Qwen3-4B-Thinking',
    'Qwen/Qwen3-30B-A3B-Thinking',
    'Qwen/Qwen3-235B-A22B-Thinking',
    'Qwen/Qwen3-Next-80B-A3B-Thinking',
  ],
};
