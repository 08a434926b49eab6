/**
 * The clocks over an attempt. Until it shows content: the first token's, and the request's deadline. From then on only
 * the idle clock: an answer that goes on is never cut for being long.
 */
import { ModelError } from './provider.ts';

export interface Watchdog {
  /** Aborts when a clock runs out or the caller aborts. */
  readonly signal: AbortSignal;
  /** The clock that ran out, as an error, or null. */
  readonly expired: ModelError | null;
  /** It was the request's deadline, of which others may have used the most: not this attempt's fault. */
  readonly outOfTime: boolean;
  /** Call before waiting for the model. While nobody waits, the model cannot be late. */
  waiting(): void;
  /** Call when the model has sent something. `content`: something a reader sees. */
  heard(content: boolean): void;
  /** Ends the clocks, and the connection if `abort` says so. */
  stop(abort: boolean): void;
}

export interface Limits {
  /** From an attempt's start to its first content. */
  firstTokenSeconds: number;
  /** Longest silence after that. */
  idleSeconds: number;
  /** For all attempts and waits of a request until an answer begins. */
  deadlineSeconds: number;
}

/** `remainingMs`: of the request's deadline, of which earlier attempts have used a part. */
export function createWatchdog(limits: Limits, remainingMs: number, outer: AbortSignal): Watchdog {
  const controller = new AbortController();
  let expired: ModelError | null = null;
  let isWaiting = false;
  let started = false;

  const expire = (message: string) => {
    expired = new ModelError('timeout', message);
    controller.abort();
  };
  const onOuter = () => controller.abort();
  if (outer.aborted) onOuter();
  else outer.addEventListener('abort', onOuter, { once: true });

  const firstTokenMs = limits.firstTokenSeconds * 1000;
  const hurried = remainingMs < firstTokenMs;
  // One timer for whichever comes first.
  let quiet = hurried
    ? setTimeout(
        () => expire(`No answer began within the deadline of ${limits.deadlineSeconds} s.`),
        remainingMs,
      )
    : setTimeout(() => expire(`No first token within ${limits.firstTokenSeconds} s.`), firstTokenMs);
  const onIdle = () => {
    if (isWaiting) expire(`The model stopped sending for ${limits.idleSeconds} s.`);
  };

  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    get outOfTime() {
      return expired !== null && hurried && !started;
    },
    waiting() {
      isWaiting = true;
      // Restarting a timer is cheap; making one for every chunk is not.
      if (started) quiet.refresh();
    },
    heard(content) {
      isWaiting = false;
      if (started || !content) return;
      started = true;
      clearTimeout(quiet);
      quiet = setTimeout(onIdle, limits.idleSeconds * 1000);
    },
    stop(abort) {
      clearTimeout(quiet);
      outer.removeEventListener('abort', onOuter);
      if (abort) controller.abort();
    },
  };
}
