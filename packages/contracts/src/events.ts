/** What happens in a run, as its watchers see it. Each is one SSE event of `GET /v1/runs/:id/events`. */
import { z } from 'zod';
import { Id } from './primitives.ts';
import { Failure, Waiting } from './runs.ts';

export const RunEvent = z.discriminatedUnion('type', [
  /** `attempt` is above 1 when the run was retried. */
  z.object({ type: z.literal('run.started'), runId: Id, attempt: z.number().int() }),
  z.object({
    type: z.literal('step.started'),
    index: z.number().int(),
    kind: z.enum(['model', 'tool']),
    name: z.string(),
    input: z.unknown().optional(),
  }),
  /** More of the answer's text. `text` fields of one step, joined, are the step's text. */
  z.object({ type: z.literal('text.delta'), index: z.number().int(), text: z.string() }),
  z.object({ type: z.literal('thinking.delta'), index: z.number().int(), text: z.string() }),
  z.object({
    type: z.literal('step.finished'),
    index: z.number().int(),
    kind: z.enum(['model', 'tool']),
    name: z.string(),
    status: z.enum(['succeeded', 'failed']),
    /** Tool: what the model was given back, shortened. Model: the text, whole. */
    output: z.string().optional(),
    error: Failure.optional(),
    durationMs: z.number().int(),
  }),
  /** Something to know while it goes on, e.g. that it is large; most of them are kept in the run's `warnings` too. */
  z.object({ type: z.literal('run.warning'), message: z.string() }),
  /** It went back to its queue, e.g. until a budget lets it go on; then follows `run.started`. */
  z.object({ type: z.literal('run.waiting'), runId: Id, waiting: Waiting }),
  z.object({
    type: z.literal('run.finished'),
    runId: Id,
    status: z.enum(['succeeded', 'failed', 'cancelled']),
    error: Failure.optional(),
  }),
]);
export type RunEvent = z.infer<typeof RunEvent>;
