/** A thread as its visitor sees it: messages as blocks, and the stream of what happens. */
import { draftBlocks, messageBlocks } from '@nightshift/channels/web';
import type { WidgetEvents, WidgetMessage } from '@nightshift/contracts';
import type { Database } from '@nightshift/core/database';
import type { EventBus } from '@nightshift/core/events';
import type { KeyEncryptionKey } from '@nightshift/core/secrets';
import { type Thread, type TimelineEntry, watchThread } from '@nightshift/core/web-chat';
import { formatSse } from '../sse.ts';

const roles = { user: 'visitor', assistant: 'agent', notice: 'notice' } as const;

export function toWidgetMessage({
  id,
  role,
  text,
  files,
  runId,
  ref,
  createdAt,
}: TimelineEntry): WidgetMessage {
  return {
    id,
    role: roles[role],
    // What visitors write is shown as they typed it.
    blocks: role === 'user' ? (text ? [{ tag: 'p', children: [text] }] : []) : messageBlocks(text),
    files,
    clientId: ref,
    runId,
    createdAt: createdAt.toISOString(),
  };
}

function frame<Name extends keyof WidgetEvents>(event: Name, data: WidgetEvents[Name], at?: Date): string {
  return formatSse({ ...(at && { id: at.getTime() }), event, data: JSON.stringify(data) });
}

/** Until the visitor goes away, or the server stops. */
export async function* widgetEvents(
  deps: { db: Database; kek: KeyEncryptionKey; bus: EventBus },
  { thread, after, live }: { thread: Thread; after: Date | undefined; live: boolean },
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const event of watchThread(deps, { thread, after, live }, signal)) {
    switch (event.type) {
      case 'history': {
        const { entries, older, reset } = event;
        const messages = entries.map(toWidgetMessage);
        yield frame('history', { messages, older, reset }, entries.at(-1)?.createdAt ?? after);
        break;
      }
      case 'entry':
        yield frame('message', toWidgetMessage(event.entry), event.entry.createdAt);
        break;
      case 'draft':
        yield frame('draft', { runId: event.runId, blocks: draftBlocks(event.text) });
        break;
      case 'idle':
        yield frame('idle', {});
    }
  }
}
