/** The environment, read once per process and passed on as an object. */
import { EnvFileError, withEnvFile } from '@nightshift/contracts/env-file';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import { isAllowEntry } from '../guarded-fetch/index.ts';
import type { Retention } from '../retention/index.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const Variables = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  NIGHTSHIFT_DATA: z.string().default('./data'),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(3000),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  NIGHTSHIFT_ADMIN_KEY: z
    .string()
    .regex(/^ns_[A-Za-z0-9_-]{22,}$/, 'must be "ns_" and at least 22 random characters of [A-Za-z0-9_-]')
    .optional(),
  NIGHTSHIFT_SECRET_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(1000).default(32),
  WORKER_PORT: port.optional(),
  WORKER_DRAIN_SECONDS: z.coerce.number().min(0).max(3600).default(20),
  DATABASE_POOL: z.coerce.number().int().min(2).max(100).default(6),
  OUTBOUND_ALLOW: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((entry) => entry.trim() || []))
    .refine(
      (list) => list.every(isAllowEntry),
      'must be a comma-separated list of host, host:port or CIDR range',
    ),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((entry) => entry.trim() || []))
    .refine(
      (list) =>
        list.every((entry) => z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]).safeParse(entry).success),
      'must be a comma-separated list of IP addresses and CIDR ranges',
    ),
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(60_000),
  OPENAI_CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((entry) => entry.trim() || []))
    .refine(
      (list) =>
        list.every((entry) => entry === '*' || (URL.canParse(entry) && new URL(entry).origin === entry)),
      'must be a comma-separated list of origins, such as https://app.example.com, or *',
    ),
  PRICES_REFRESH: z.stringbool().default(false),
  // WhatsApp delivers again for 7 days: what is forgotten sooner would be answered twice.
  RETENTION_INBOUND_DAYS: z.coerce.number().int().min(8).max(3650).default(30),
  RETENTION_DELIVERY_DAYS: z.coerce.number().int().min(1).max(3650).default(30),
});

/** Every variable that the api and the workers read, besides model keys. */
export const variableNames: readonly string[] = Object.keys(Variables.shape);

export interface Env {
  readonly databaseUrl: string;
  /** Set: the queue runs on Redis. Absent: on Postgres. */
  readonly redisUrl: string | undefined;
  /** Where files live: the admin key, the secret key. */
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  /** How the server is reached from outside, where that is not `http://HOST:PORT`. */
  readonly publicUrl: string | undefined;
  readonly adminKey: string | undefined;
  readonly secretKey: string | undefined;
  readonly logLevel: string;
  /** Conversations that one worker works on at once. */
  readonly workerConcurrency: number;
  /** Serves the worker's health and metrics, when set. */
  readonly workerPort: number | undefined;
  /** How long a stopping worker lets its runs finish before another worker goes on with them. */
  readonly workerDrainSeconds: number;
  /** Connections of one process for its own queries; the queue and events use a few more. */
  readonly databasePool: number;
  /** Hosts and ranges that requests which users steer (webhooks) may reach though they are not public. */
  readonly outboundAllow: readonly string[];
  /** Whose `X-Forwarded-For` is believed: reverse proxies before the api. */
  readonly trustedProxies: readonly string[];
  /** Requests of one API key to one api process. */
  readonly rateLimitPerMinute: number;
  /** Origins whose pages may call the OpenAI-compatible API. `*`: all. Empty: none. */
  readonly openaiCorsOrigins: readonly string[];
  /** Fetch the price list of models once a day, rather than use what ships with this version. */
  readonly pricesRefresh: boolean;
  /** How long records of what came and went are kept. */
  readonly retention: Retention;
  /** Model keys of the environment, and parts of vendors' addresses: variable → value. */
  readonly providerKeys: Readonly<Record<string, string>>;
}

/** Variables with a key, among those that hold parts of vendors' addresses (`AWS_REGION`). */
const secretVariable = /(KEY|TOKEN|SECRET|CREDENTIALS|PAT)(_|$)/;

/** What of the environment must reach no log. */
export function secretsOf(env: Env): string[] {
  const passwordOf = (url: string | undefined) => (url ? decodeURIComponent(new URL(url).password) : '');
  return [
    env.adminKey ?? '',
    env.secretKey ?? '',
    passwordOf(env.databaseUrl),
    passwordOf(env.redisUrl),
    ...Object.entries(env.providerKeys).flatMap(([name, value]) => (secretVariable.test(name) ? value : [])),
  ].filter((secret) => secret !== '');
}

/** The environment is wrong. The message names every variable and says what is expected of it. */
export class EnvError extends Error {
  override readonly name = 'EnvError';
}

/** @throws {EnvError} `.env` cannot be read */
function environment(): NodeJS.ProcessEnv {
  try {
    return withEnvFile(process.cwd(), process.env);
  } catch (error) {
    if (error instanceof EnvFileError) throw new EnvError(error.message);
    throw error;
  }
}

/**
 * Reads and checks the environment, and `.env` of the working directory. An empty variable counts as unset, as docker
 * compose passes unset ones.
 *
 * @param providerVariables names of the variables that may hold a model key
 * @throws {EnvError}
 */
export function loadEnv(
  providerVariables: readonly string[] = [],
  source: Readonly<Record<string, string | undefined>> = environment(),
): Env {
  const set = Object.fromEntries(Object.entries(source).filter(([, value]) => value?.trim()));
  const parsed = Variables.safeParse(set);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.')}: ${set[String(path[0])] ? message : 'is not set'}`,
    );
    throw new EnvError(`The environment is wrong. ${problems.join('. ')}.`);
  }
  const env = parsed.data;
  return {
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    dataDirectory: env.NIGHTSHIFT_DATA,
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL && trimEndOf(env.PUBLIC_URL, '/'),
    adminKey: env.NIGHTSHIFT_ADMIN_KEY,
    secretKey: env.NIGHTSHIFT_SECRET_KEY,
    logLevel: env.LOG_LEVEL,
    workerConcurrency: env.WORKER_CONCURRENCY,
    workerPort: env.WORKER_PORT,
    workerDrainSeconds: env.WORKER_DRAIN_SECONDS,
    databasePool: env.DATABASE_POOL,
    outboundAllow: env.OUTBOUND_ALLOW,
    trustedProxies: env.TRUSTED_PROXIES,
    rateLimitPerMinute: env.RATE_LIMIT_PER_MINUTE,
    openaiCorsOrigins: env.OPENAI_CORS_ORIGINS,
    pricesRefresh: env.PRICES_REFRESH,
    retention: { inboundDays: env.RETENTION_INBOUND_DAYS, deliveryDays: env.RETENTION_DELIVERY_DAYS },
    providerKeys: Object.fromEntries(
      providerVariables.flatMap((name) => (set[name] ? [[name, set[name].trim()]] : [])),
    ),
  };
}
