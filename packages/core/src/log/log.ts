import { createRedactor } from '@nightshift/contracts';
import { pino } from 'pino';

export type { Logger as Log } from 'pino';

/** Fields that hold secrets wherever they appear, one or two levels deep. */
const secrets = [
  'authorization',
  'cookie',
  'apiKey',
  'key',
  'secret',
  'password',
  'token',
  'databaseUrl',
  'redisUrl',
];

/**
 * One JSON line an event on standard output. `process` names who speaks: api, worker … What the redactor knows is in
 * none of them, whichever field, message or stack it was in.
 */
export function createLog(process: string, level: string, redactor = createRedactor()) {
  return pino({
    level,
    hooks: { streamWrite: (line) => redactor.redactJson(line) },
    base: { process },
    redact: {
      paths: [
        ...secrets,
        ...secrets.map((name) => `*.${name}`),
        'req.headers.authorization',
        'req.headers.cookie',
        '*["x-api-key"]',
      ],
      censor: '[redacted]',
    },
  });
}
