/** Routing policies: which models may answer, in which order, and how long they may take. */
import { z } from 'zod';

/** `provider/model`: exactly that one. A custom endpoint is addressed by its credential's name. */
export const ExactModelRef = z
  .string()
  .max(200)
  .regex(/^[a-z0-9][a-z0-9-]*\/\S+$/, 'must be "provider/model"')
  .meta({ examples: ['openai/gpt-5.4', 'anthropic/claude-sonnet-5'] });

/** What a model is asked for. turn: to answer people · compaction: to shorten a long history */
export const modelTasks = ['turn', 'compaction'] as const;
export const ModelTask = z.enum(modelTasks);
export type ModelTask = z.infer<typeof ModelTask>;

export const PolicyTarget = z.strictObject({
  model: ExactModelRef,
  /** Its share among the targets of its tier, where `pick` is `weight`. 0: only when no other is left. */
  weight: z.number().min(0).max(1000).default(1),
  /** A tier is only tried when nothing of the tiers before it can answer. */
  tier: z.number().int().min(1).max(10).default(1),
});
export type PolicyTarget = z.infer<typeof PolicyTarget>;

export const ModelPolicy = z
  .strictObject({
    targets: z.array(PolicyTarget).min(1, 'must name at least one model').max(20),
    /**
     * Within a tier. order: as listed · weight: each conversation draws one, by share, and always the same ·
     * cheapest: by what the call may cost, unknown prices last · fastest: by the time to the first token of late.
     * Whatever the pick, a conversation stays with the target that answered it last, for the vendor's prompt cache, as
     * long as that is of the best tier that can answer.
     */
    pick: z.enum(['order', 'weight', 'cheapest', 'fastest']).default('order'),
    /** Calls to vendors for one answer, over all targets and keys. */
    maxAttempts: z.number().int().min(1).max(20).default(4),
    /** For attempts and waits until an answer begins, in seconds. */
    deadlineSeconds: z.number().int().min(1).max(3600).default(120),
    /** From an attempt's start to its first content, in seconds. */
    firstTokenSeconds: z.number().int().min(1).max(3600).default(60),
    /** Longest silence within an answer, in seconds. */
    idleSeconds: z.number().int().min(1).max(3600).default(60),
    /** Other models for some tasks; the first match counts, and its targets stand in for those above. */
    routes: z
      .array(
        z.strictObject({
          when: z.strictObject({ task: ModelTask }),
          targets: z.array(PolicyTarget).min(1).max(20),
        }),
      )
      .max(10)
      .default([]),
  })
  .superRefine((policy, context) => {
    const lists = [['targets', policy.targets] as const].concat(
      policy.routes.map((route, at) => [`routes.${at}.targets` as 'targets', route.targets]),
    );
    for (const [path, targets] of lists) {
      const seen = new Set<string>();
      for (const { model } of targets) {
        if (seen.has(model))
          context.addIssue({ code: 'custom', path: path.split('.'), message: `names ${model} twice` });
        seen.add(model);
      }
    }
  });
export type ModelPolicy = z.infer<typeof ModelPolicy>;
