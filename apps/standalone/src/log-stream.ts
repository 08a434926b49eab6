import type { Writable } from 'node:stream';

/** pino's levels. */
export const LEVEL = { info: 30, warn: 40, error: 50, fatal: 60 } as const;

export interface LogStream {
  /** A line that a child process wrote: pino's JSON as a rule, anything when the runtime itself speaks. */
  line(source: string, line: string, isError?: boolean): void;
  /** A line of the supervisor's own. */
  log(level: keyof typeof LEVEL, msg: string, fields?: Record<string, unknown>): void;
}

/**
 * One stream for everybody: pino's JSON lines as they are, or, given a terminal, made readable. What is no JSON
 * becomes the message of a line that is, so whoever reads the stream can rely on every line.
 */
export function createLogStream(output: Writable & { isTTY?: boolean }): LogStream {
  const write = output.isTTY ? prettily(output) : (line: string) => void output.write(line);
  // Whoever reads our output may go away (`npm start | head`); that must not end an always-on server.
  output.on('error', () => {});
  const own = (source: string, level: number, msg: string, fields?: Record<string, unknown>) =>
    write(`${JSON.stringify({ level, time: Date.now(), process: source, ...fields, msg })}\n`);
  return {
    line(source, line, isError = false) {
      if (isJson(line)) write(`${line}\n`);
      else own(source, isError ? LEVEL.error : LEVEL.info, line);
    },
    log: (level, msg, fields) => own('standalone', LEVEL[level], msg, fields),
  };
}

/** pino-pretty takes 100 ms to load, which the start does not wait for: lines queue until it is there. */
function prettily(output: Writable): (line: string) => void {
  let waiting: string[] | undefined = [];
  let format: ((line: string) => string) | undefined;
  setImmediate(async () => {
    const { prettyFactory } = await import('pino-pretty');
    format = prettyFactory({
      colorize: true,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'pid,hostname,process',
      messageFormat: '{process}: {msg}',
    });
    for (const line of waiting ?? []) output.write(format(line));
    waiting = undefined;
  });
  return (line) => {
    if (format === undefined) waiting?.push(line);
    else output.write(format(line));
  };
}

function isJson(line: string): boolean {
  if (!line.startsWith('{')) return false;
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** @returns the message of a JSON line that says why the process gives up, or undefined for any other line. */
export function fatalMessage(line: string): string | undefined {
  if (!isJson(line)) return undefined;
  const entry = JSON.parse(line) as { level?: unknown; msg?: unknown };
  return entry.level === LEVEL.fatal && typeof entry.msg === 'string' ? entry.msg : undefined;
}
