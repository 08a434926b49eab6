/** A thread as its visitor sees it: messages as blocks, and the stream of what happens. */
import { setImmediate as othersFirst } from 'node:timers/promises';
import type { WidgetEvents, WidgetMessage } from '@nightshift/contracts';
import type { Database } from '@nightshift/core/database';
import type { EventBus } from '@nightshift/core/events';
import type { KeyEncryptionKey } from '@nightshift/core/secrets';
import { type Thread, type TimelineEntry, watchThread } from '@nightshift/core/web-chat';
import { formatSse } from '../sse.ts';
import type { Rendered } from './rendered.ts';

const roles = { user: 'visitor', assistant: 'agent', notice: 'notice' } as const;

function toWidgetMessage(
  { id, role, text, files, runId, ref, createdAt }: TimelineEntry,
  rendered: Rendered,
): WidgetMessage {
  return {
    id,
    role: roles[role],
    // What visitors write is shown as they typed it.
    blocks: role === 'user' ? (text ? [{ tag: 'p', children: [text] }] : []) : rendered.message(id, text),
    files,
    clientId: ref,
    runId,
    createdAt: createdAt.toISOString(),
  };
}

/** Between any two of them others have their turn. */
export async function toWidgetMessages(
  entries: readonly TimelineEntry[],
  rendered: Rendered,
): Promise<WidgetMessage[]> {
  const messages: WidgetMessage[] = [];
  for (const entry of entries) {
    messages.push(toWidgetMessage(entry, rendered));
    await othersFirst();
  }
  return messages;
}

function frame<Name extends keyof WidgetEvents>(event: Name, data: WidgetEvents[Name], at?: Date): string {
  return formatSse({ ...(at && { id: at.getTime() }), event, data: JSON.stringify(data) });
}

/** Until the visitor goes away, or the server stops. */
export async function* widgetEvents(
  deps: { db: Database; kek: KeyEncryptionKey; bus: EventBus; rendered: Rendered },
  { thread, after, isLive }: { thread: Thread; after: Date | undefined; isLive: () => boolean },
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const event of watchThread(deps, { thread, after, isLive }, signal)) {
    switch (event.type) {
      case 'history': {
        const { entries, older, reset } = event;
        const messages = await toWidgetMessages(entries, deps.rendered);
        yield frame('history', { messages, older, reset }, entries.at(-1)?.createdAt ?? after);
        break;
      }
      case 'entry':
        yield frame('message', toWidgetMessage(event.entry, deps.rendered), event.entry.createdAt);
        break;
      case 'draft':
        yield frame('draft', { runId: event.runId, blocks: deps.rendered.draft(event.runId, event.text) });
        break;
      case 'idle':
        yield frame('idle', {});
    }
  }
}
