/** What the figures are compared with: the targets of this project, and what others measured. */

export interface Goal {
  target?: { atMost: number } | { atLeast: number };
  /** The peer's figure, as it is shown. */
  peer?: string;
}

export const peers = [
  '¹ OpenClaw 2026.9.6, measured by us on 2 cores with a model that answers at once.',
  '² As published by each: LiteLLM, TensorZero, Portkey (a proxy in Node).',
] as const;

/** By figure. */
export const goals: Readonly<Record<string, Goal>> = {
  'install.production.size': { target: { atMost: 300 }, peer: '647 MB ¹' },
  'install.production.packages': { peer: '330 ¹' },
  'install.production.time': { peer: '42 s ¹' },
  'start.first': { target: { atMost: 5 } },
  'start.warm': { target: { atMost: 2.5 }, peer: '11.0 s ¹' },
  'start.first-reply': { target: { atMost: 300 }, peer: '5,700 ms ¹' },
  'replies.single.p50': { target: { atMost: 20 }, peer: '468 ms ¹' },
  'replies.single.p95': { target: { atMost: 50 }, peer: '1,300 ms ¹' },
  'replies.same.p50': { target: { atMost: 20 } },
  'replies.same.p95': { target: { atMost: 50 } },
  'replies.at-8.rate': { target: { atLeast: 150 }, peer: '2.7/s ¹' },
  'replies.at-16.rate': { target: { atLeast: 150 } },
  'replies.at-32.rate': { target: { atLeast: 150 } },
  'accept.at-200.p99': { target: { atMost: 50 } },
  'accept.at-800.p99': { target: { atMost: 250 } },
  'channels.at-200.p99': { target: { atMost: 50 } },
  'memory.idle': { peer: '1,558 MB ¹' },
  'memory.load.peak': { target: { atMost: 450 } },
  'schedules.spread.drift.p99': { target: { atMost: 1000 } },
  'schedules.together.drift.p99': { target: { atMost: 1000 } },
  'budgets.at-1.reserve.p99': { target: { atMost: 2 } },
  'router.at-1.overhead.p50': { target: { atMost: 0.3 }, peer: '2 / 0.35 / 2.4–9.7 ms ²' },
  'router.at-1.overhead.p99': { target: { atMost: 1 }, peer: '13 / 0.94 ms ²' },
  'router.at-1.overhead.first-token': { target: { atMost: 1 } },
  'router.at-100.overhead.p50': { target: { atMost: 0.3 } },
  'router.at-100.overhead.p99': { target: { atMost: 1 } },
  'router.at-100.overhead.first-token': { target: { atMost: 1 } },
  'router.at-100.overhead.cpu': { target: { atMost: 1 } },
};

/** Null: there is no target. */
export function isMet(id: string, value: number): boolean | null {
  const target = goals[id]?.target;
  if (!target) return null;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}
