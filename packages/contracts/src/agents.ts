import { z } from 'zod';
import { ModelPolicy } from './policies.ts';
import { Id, recordOf, Timestamp } from './primitives.ts';
import { Name, NamedListQuery } from './references.ts';

const name = Name;

/**
 * `auto`: the first vendor the team has a key for, in the catalogue's order, else the built-in demo.
 * `provider/model`: exactly that one. A custom endpoint is addressed by its credential's name.
 */
export const ModelRef = z
  .string()
  .max(200)
  .regex(/^(auto|[a-z0-9][a-z0-9-]*\/\S+)$/, 'must be "auto" or "provider/model"')
  .meta({ examples: ['auto', 'openai/gpt-5', 'anthropic/claude-sonnet-4-5'] });

/** One model, or a policy that chooses among several. */
export const ModelSetting = z.union([ModelRef, ModelPolicy]);
export type ModelSetting = z.infer<typeof ModelSetting>;

/** A model setting in a few words: the model, or the policy's first one and how many more. */
export function describeModel(model: ModelSetting): string {
  if (typeof model === 'string') return model;
  const [first, ...rest] = model.targets;
  return rest.length === 0 ? first!.model : `${first!.model} and ${rest.length} more (${model.pick})`;
}

/** Tool name → allow | block. A tool that is not named is allowed. */
export const ToolPolicy = recordOf(z.string().max(100), z.enum(['allow', 'block']), 200);

/** Caps of one run. A run that reaches one ends as failed and says which. */
export const AgentLimits = z.strictObject({
  /** Model calls and tool calls together. */
  maxSteps: z.number().int().min(1).max(1000).default(100),
  /** Wall time from the run's start, in seconds. */
  maxSeconds: z.number().int().min(1).max(86_400).default(900),
  /** Input and output tokens of all model calls together. */
  maxTokens: z.number().int().min(1).max(100_000_000).default(2_000_000),
});
export type AgentLimits = z.infer<typeof AgentLimits>;

/**
 * What a message does that comes while the agent is answering in the same conversation. steer: it joins at the next
 * step · followup: it waits for a run of its own · interrupt: it cancels the run, then gets one of its own.
 */
export const QueueMode = z.enum(['steer', 'followup', 'interrupt']);

/** How long a new run waits for more messages of a burst, in milliseconds. */
const DebounceMs = z.number().int().min(0).max(10_000);

export const AgentCreate = z.strictObject({
  name: name.meta({ description: 'Unique in the team; also the model name at the OpenAI-compatible door.' }),
  instructions: z.string().max(100_000).default(''),
  model: ModelSetting.default('auto'),
  tools: ToolPolicy.default({}),
  limits: AgentLimits.prefault({}),
  queueMode: QueueMode.default('steer'),
  debounceMs: DebounceMs.default(0),
});
export type AgentCreate = z.infer<typeof AgentCreate>;

/** All of an agent, under the name in the path. */
export const AgentReplace = AgentCreate.extend({ name: name.optional() }).meta({
  examples: [{ instructions: 'Review diffs. Be brief.', model: 'auto' }],
});

export const AgentUpdate = z.strictObject({
  name: name.optional(),
  instructions: z.string().max(100_000).optional(),
  model: ModelSetting.optional(),
  tools: ToolPolicy.optional(),
  limits: z
    .strictObject({
      maxSteps: AgentLimits.shape.maxSteps.unwrap().optional(),
      maxSeconds: AgentLimits.shape.maxSeconds.unwrap().optional(),
      maxTokens: AgentLimits.shape.maxTokens.unwrap().optional(),
    })
    .optional(),
  queueMode: QueueMode.optional(),
  debounceMs: DebounceMs.optional(),
});
export type AgentUpdate = z.infer<typeof AgentUpdate>;

export const Agent = z.object({
  id: Id,
  name: z.string(),
  instructions: z.string(),
  model: ModelSetting,
  tools: ToolPolicy,
  limits: AgentLimits,
  queueMode: QueueMode,
  debounceMs: z.number().int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Agent = z.infer<typeof Agent>;

export const AgentListQuery = NamedListQuery;
export type AgentListQuery = z.infer<typeof AgentListQuery>;
