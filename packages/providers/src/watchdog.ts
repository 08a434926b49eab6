/** The three clocks over an attempt: first token, idle, and the request's deadline. */
import { ModelError } from './provider.ts';

export interface Watchdog {
  /** Aborts when a clock runs out or the caller aborts. */
  readonly signal: AbortSignal;
  /** The clock that ran out, as an error, or null. */
  readonly expired: ModelError | null;
  /** Call before waiting for the model. While nobody waits, the model cannot be late. */
  waiting(): void;
  /** Call when the model has sent something. `content`: something a reader sees. */
  heard(content: boolean): void;
  /** Ends the clocks, and the connection if `abort` says so. */
  stop(abort: boolean): void;
}

export interface Limits {
  firstTokenSeconds: number;
  idleSeconds: number;
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

  const deadline = setTimeout(
    () => expire(`The answer was not complete within the deadline of ${limits.deadlineSeconds} s.`),
    remainingMs,
  );
  let quiet = setTimeout(
    () => expire(`No first token within ${limits.firstTokenSeconds} s.`),
    limits.firstTokenSeconds * 1000,
  );
  const onIdle = () => {
    if (isWaiting) expire(`The model stopped sending for ${limits.idleSeconds} s.`);
  };

  return {
    signal: controller.signal,
    get expired() {
      return expired;
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
      clearTimeout(deadline);
      clearTimeout(quiet);
      outer.removeEventListener('abort', onOuter);
      if (abort) controller.abort();
    },
  };
}
