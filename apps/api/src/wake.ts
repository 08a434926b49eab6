import type { ApiDeps } from './deps.ts';

/**
 * Wakes a conversation's lane. The row is committed already, so the caller need not wait for this and must not fail
 * with it: a wake-up that does not arrive is made good by the workers' sweep within seconds.
 */
export function wakeSoon(
  { conversations, log }: Pick<ApiDeps, 'conversations' | 'log'>,
  conversationId: string,
): void {
  conversations
    .wake({ conversationId }, conversationId)
    .catch((error: Error) =>
      log.warn({ err: error, conversationId }, 'wake-up not sent; the sweep will find it'),
    );
}
