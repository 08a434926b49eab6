import { backoffMs, pause, Refusal } from './connection.js';
import { createStore } from './store.js';

/**
 * What the visitor has written and the server has not confirmed. It is sent in order, one at a time, until it is: under an
 * id of its own, so that it counts once however often it is sent. A reload does not lose it.
 */

/**
 * @param {{ key: string, say: ReturnType<typeof import('./connection.js').createConnection>['say'], early: EventTarget,
 *   onSent: (message: import('./types.d.ts').Unsent, kept: boolean) => void,
 *   onFailed: (message: import('./types.d.ts').Unsent) => void,
 *   onWait: (seconds: number) => void, onOffline: () => void }} options
 */
export function createOutbox({ key, say, early, onSent, onFailed, onWait, onOffline }) {
  const store = createStore('sessionStorage', `${key}:unsent`);
  /** @type {import('./types.d.ts').Unsent[]} */
  let queue = [];
  let sending = false;
  try {
    queue = JSON.parse(store.read() ?? '[]');
  } catch {
    // Somebody else's; there is nothing to be made of it.
  }

  const keep = () => store.write(queue.length > 0 ? JSON.stringify(queue) : null);

  async function send() {
    if (sending) return;
    sending = true;
    let attempt = 0;
    for (let [next] = queue; next; [next] = queue) {
      try {
        const { kept } = await say(next);
        attempt = 0;
        queue.shift();
        keep();
        onSent(next, kept);
      } catch (error) {
        const status = error instanceof Refusal ? error.status : 0;
        if (status === 429) {
          const { retryAfter } = /** @type {Refusal} */ (error);
          for (let left = retryAfter; left > 0; left -= 1) {
            onWait(left);
            await new Promise((resolve) => setTimeout(resolve, 1_000));
          }
          onWait(0);
        } else if (status >= 400 && status < 500 && status !== 408) {
          queue.shift();
          keep();
          onFailed({ ...next, problem: /** @type {Refusal} */ (error).message });
        } else {
          onOffline();
          await pause(backoffMs(attempt), early);
          attempt += 1;
        }
      }
    }
    sending = false;
  }

  return {
    /** Of a page before this one. */
    waiting: () => queue,
    send,
    /** @param {import('./types.d.ts').Unsent} message */
    add(message) {
      queue.push(message);
      keep();
      send();
    },
  };
}

/** @returns {string} a UUID, also where a page is not served over https and browsers have no `randomUUID` */
export function newId() {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
  // Version 4, variant 1: https://www.rfc-editor.org/rfc/rfc9562#section-5.4
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
