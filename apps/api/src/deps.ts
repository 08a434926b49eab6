import type { AdapterSource } from '@nightshift/channels';
import type { TrafficCounter } from '@nightshift/core/channels';
import type { Database } from '@nightshift/core/database';
import type { EventBus } from '@nightshift/core/events';
import type { GuardedFetch } from '@nightshift/core/guarded-fetch';
import type { Log } from '@nightshift/core/log';
import type { Metrics, ProcessMetrics } from '@nightshift/core/metrics';
import type { Producer } from '@nightshift/core/queue';
import type { KeyEncryptionKey } from '@nightshift/core/secrets';
import type { HookDirectory } from './hooks/directory.ts';

/** What the app is built from. `main.ts` makes the real ones. */
export interface ApiDeps {
  log: Log;
  db: Database;
  bus: EventBus;
  kek: KeyEncryptionKey;
  conversations: Producer<'conversation'>;
  deliveries: Producer<'delivery'>;
  /** For requests whose address a user chose. */
  guarded: GuardedFetch;
  /** The same for images, which are larger than any other answer. */
  imageFetch: GuardedFetch;
  adapters: AdapterSource;
  /** Which channel an address for a platform belongs to. */
  hooks: HookDirectory;
  /** Counts what comes through channels. */
  traffic: TrafficCounter;
  metrics: Metrics;
  /** Metrics of the other processes under the same supervisor. Absent: this one stands alone. */
  readSiblings?: () => Promise<ProcessMetrics[]>;
  /** Model keys of the environment: variable → value. */
  providerKeys: Readonly<Record<string, string>>;
  /** How people reach this server, without a trailing slash. */
  publicUrl: string;
  /** Whose `X-Forwarded-For` is believed. */
  trustedProxies: readonly string[];
  rateLimitPerMinute: number;
  /** From SIGTERM on. */
  isDraining: () => boolean;
  /** How often it is checked that an open stream may go on, should a signal be lost, in milliseconds. Default 30,000. */
  permitRecheckMs?: number;
  /** How long a request may take to arrive, in milliseconds. */
  requestTimeoutMs: number;
  /** Origins whose pages may call the OpenAI-compatible API. `*`: all. */
  openaiCorsOrigins: readonly string[];
  /** See `openai/turn.ts`; for tests that need short times. */
  openaiTimes?: { graceMs?: number; budgetWaitMs?: number; holdMs?: number };
}
