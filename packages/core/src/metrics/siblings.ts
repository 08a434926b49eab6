/**
 * Metrics of all processes that one supervisor keeps running. The api asks the supervisor, which asks each of the others,
 * all over the IPC channels that supervision has anyway.
 *
 *     api ── metrics.all ──▶ supervisor ── metrics.read ──▶ worker
 *         ◀─ metrics.all ──            ◀─── metrics ────
 */
import { AggregatorRegistry, type MetricObject, type Registry } from 'prom-client';

/** What one of them said; null: nothing, in time. */
export interface ProcessMetrics {
  /** As the supervisor calls it: `worker-2`. */
  name: string;
  metrics: MetricObject[] | null;
}

interface Answer {
  type?: unknown;
  id?: unknown;
  processes?: ProcessMetrics[];
}

/** The supervisor gives the others a second. */
const answerMs = 2_000;

/** Answers the supervisor's questions. Does nothing in a process that has none. */
export function answerForMetrics(registry: Registry): void {
  process.on('message', async (message: Answer | null) => {
    if (message?.type !== 'metrics.read') return;
    const metrics = await registry.getMetricsAsJSON();
    if (process.connected) process.send?.({ type: 'metrics', id: message.id, metrics });
  });
}

/** Asks the supervisor for those of the other processes. None: there is no supervisor, or it does not answer. */
export function readSiblings(): Promise<ProcessMetrics[]> {
  if (!process.connected) return Promise.resolve([]);
  const id = crypto.randomUUID();
  return new Promise((resolve) => {
    const take = (message: Answer | null) => {
      if (message?.type === 'metrics.all' && message.id === id) finish(message.processes ?? []);
    };
    const timer = setTimeout(() => finish([]), answerMs);
    const finish = (found: ProcessMetrics[]) => {
      clearTimeout(timer);
      process.off('message', take);
      resolve(found);
    };
    process.on('message', take);
    process.send?.({ type: 'metrics.all', id });
  });
}

/** This process's metrics and those of its siblings as one exposition, told apart by the label `process`. */
export async function mergeMetrics(own: Registry, siblings: readonly ProcessMetrics[]): Promise<string> {
  if (siblings.length === 0) return own.metrics();
  const all = siblings.flatMap(({ name, metrics }) => (metrics ? [labelled(metrics, name)] : []));
  const merged = AggregatorRegistry.aggregate([
    // No two processes have a label set in common, so adding up leaves every figure as it is.
    ...[await own.getMetricsAsJSON(), ...all].map((list) =>
      list.map((metric) => ({ ...metric, aggregator: 'sum' })),
    ),
  ]);
  const up = siblings.map(
    ({ name, metrics }) => `nightshift_process_up{process="${name}"} ${metrics ? 1 : 0}\n`,
  );
  return [
    `${(await merged.metrics()).trimEnd()}\n\n`,
    '# HELP nightshift_process_up Whether a process under the same supervisor answered for its metrics\n',
    '# TYPE nightshift_process_up gauge\n',
    ...up,
  ].join('');
}

type Valued = MetricObject & { values?: { labels: Record<string, string | number> }[] };

const labelled = (metrics: MetricObject[], process: string): MetricObject[] =>
  (metrics as Valued[]).map((metric) => ({
    ...metric,
    values: metric.values?.map((value) => ({ ...value, labels: { ...value.labels, process } })),
  }));
