/** Requests that go out on behalf of a team, to addresses that somebody outside the server may have chosen. */

/** `fetch`, as whoever owns the connection gives it to code that only knows a wire. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/**
 * Why a request came to nothing.
 *
 * refused: by our own rules; nothing was sent · unreachable: there was no connection, so nothing was sent ·
 * interrupted: it timed out or broke off afterwards, so it may have arrived.
 */
export type FetchFailureReason = 'refused' | 'unreachable' | 'interrupted';

/** What such a `Fetch` rejects with. Its message is for people and holds no secret. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
  readonly reason: FetchFailureReason;

  constructor(reason: FetchFailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
