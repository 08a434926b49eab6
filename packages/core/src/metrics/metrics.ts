/** Prometheus metrics of one process. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export function createMetrics(process: string) {
  const registry = new Registry();
  registry.setDefaultLabels({ process });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  // Of the whole installation, as the rows say it: of one process of many it would say nothing.
  const ofAll = process === 'api' ? registers : [];
  return {
    registry,
    httpSeconds: new Histogram({
      name: 'nightshift_http_request_seconds',
      help: 'Time to answer an HTTP request',
      labelNames: ['method', 'route', 'status'],
      buckets: seconds,
      registers,
    }),
    queueWaitSeconds: new Histogram({
      name: 'nightshift_queue_wait_seconds',
      help: 'Time from adding a job to taking it up',
      labelNames: ['queue'],
      buckets: seconds,
      registers,
    }),
    jobSeconds: new Histogram({
      name: 'nightshift_job_seconds',
      help: 'Time to process a job',
      labelNames: ['queue', 'outcome'],
      buckets: seconds,
      registers,
    }),
    runSeconds: new Histogram({
      name: 'nightshift_run_seconds',
      help: 'Time from accepting a run to its end',
      labelNames: ['status'],
      buckets: seconds,
      registers,
    }),
    modelAttempts: new Counter({
      name: 'nightshift_model_attempts_total',
      help: 'Calls to models, by outcome',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    modelFailovers: new Counter({
      name: 'nightshift_model_failovers_total',
      help: 'Calls that went on to another model after one had failed',
      labelNames: ['from', 'to'],
      registers,
    }),
    modelWaitSeconds: new Histogram({
      name: 'nightshift_model_wait_seconds',
      help: 'Time a call waited before an attempt: for a retry, a rate limit, a budget',
      buckets: seconds,
      registers,
    }),
    openCircuits: new Gauge({
      name: 'nightshift_model_open_circuits',
      help: 'Keys and models that are left alone for a while, in the whole installation',
      labelNames: ['provider'],
      registers: ofAll,
    }),
    modelTokens: new Counter({
      name: 'nightshift_model_tokens_total',
      help: 'Tokens that models reported',
      labelNames: ['provider', 'direction'],
      registers,
    }),
    toolCalls: new Counter({
      name: 'nightshift_tool_calls_total',
      help: 'Tool calls, by outcome',
      labelNames: ['tool', 'outcome'],
      registers,
    }),
    openRuns: new Gauge({
      name: 'nightshift_open_runs',
      help: 'Runs that are not over, in the whole installation',
      labelNames: ['status'],
      registers: ofAll,
    }),
    oldestDueRunSeconds: new Gauge({
      name: 'nightshift_oldest_due_run_seconds',
      help: 'For how long the oldest queued run could have been begun',
      registers: ofAll,
    }),
    queueJobs: new Gauge({
      name: 'nightshift_queue_jobs',
      help: 'Wake-ups in the queue, by state',
      labelNames: ['queue', 'state'],
      registers: ofAll,
    }),
    deliveries: new Counter({
      name: 'nightshift_deliveries_total',
      help: 'Attempts to deliver, by outcome: sent, retried, unknown or dead',
      labelNames: ['destination', 'outcome'],
      registers,
    }),
    oldestDueDeliverySeconds: new Gauge({
      name: 'nightshift_oldest_due_delivery_seconds',
      help: 'For how long the lane of the outbox that waits longest could have been worked on',
      registers: ofAll,
    }),
    scheduleFires: new Counter({
      name: 'nightshift_schedule_fires_total',
      help: 'Slots of schedules, by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    scheduleDriftSeconds: new Histogram({
      name: 'nightshift_schedule_drift_seconds',
      help: 'Time from when a slot was due, its jitter included, to taking it up',
      buckets: seconds,
      registers,
    }),
    schedulePauses: new Counter({
      name: 'nightshift_schedule_pauses_total',
      help: 'Schedules that paused themselves after repeated failures',
      registers,
    }),
    channelEvents: new Counter({
      name: 'nightshift_channel_events_total',
      help: 'Requests of chat platforms, by kind of channel and outcome: taken, dropped, refused or malformed',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    channelDropped: new Counter({
      name: 'nightshift_channel_dropped_total',
      help: 'Events of channels that led to nothing, by reason',
      labelNames: ['reason'],
      registers,
    }),
    channelUnsupported: new Counter({
      name: 'nightshift_channel_unsupported_total',
      help: 'Messages that held nothing that can be read, by what it was: poll, sticker, encrypted_message … or other',
      labelNames: ['what'],
      registers,
    }),
    documents: new Counter({
      name: 'nightshift_documents_total',
      help: 'Documents read in processes of their own, by outcome: read, stopped, too_slow, too_large, crashed, unreadable',
      labelNames: ['task', 'outcome'],
      registers,
    }),
    channels: new Gauge({
      name: 'nightshift_channels',
      help: 'Channels by kind and what was last observed of them, in the whole installation',
      labelNames: ['kind', 'state'],
      registers,
    }),
    connectors: new Gauge({
      name: 'nightshift_connectors',
      help: 'Channels that this worker is connected to, not those that it only tries to reach',
      registers,
    }),
    connectorEvents: new Counter({
      name: 'nightshift_connector_events_total',
      help: 'What happened to connections: connected, failed or refused',
      labelNames: ['outcome'],
      registers,
    }),
    laneTakeovers: new Counter({
      name: 'nightshift_lane_takeovers_total',
      help: 'Runs taken over from a worker that died',
      registers,
    }),
  };
}
