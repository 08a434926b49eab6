/** One message and the run that answers it. */
import type { RunEvent, TalkReply } from '@nightshift/contracts';
import { ApiError, type Client } from '@nightshift/contracts/client';

export interface TurnInput {
  agentId: string;
  text: string;
  conversationId: string | undefined;
}

export interface Turn {
  /** Set once the message is accepted. */
  readonly runId: string | undefined;
  readonly conversationId: string | undefined;
  /**
   * Sends the message and follows its run to the end, over connections that break.
   * @throws {ApiError | ConnectionError} the message was refused, or the server is gone for long
   */
  follow(print: (event: RunEvent) => void, signal?: AbortSignal): Promise<TalkReply>;
  /** Asks the run to stop; when the message is still on its way, as soon as it is accepted. */
  cancel(): Promise<void>;
}

export function createTurn(client: Client, { agentId, text, conversationId }: TurnInput): Turn {
  let runId: string | undefined;
  let cancelled = false;

  async function cancelRun(id: string): Promise<void> {
    try {
      await client.runs.cancel(id);
    } catch (error) {
      // It has ended in the meantime.
      if (!(error instanceof ApiError && error.code === 'run_final')) throw error;
    }
  }

  return {
    get runId() {
      return runId;
    },
    get conversationId() {
      return conversationId;
    },
    async follow(print, signal) {
      const { reply: _, ...accepted } = await client.talk.send(agentId, {
        text,
        ...(conversationId && { conversationId }),
      });
      ({ runId, conversationId } = accepted);
      if (cancelled) await cancelRun(accepted.runId);

      let said: string | null = null;
      let model: string | null = null;
      let end: Extract<RunEvent, { type: 'run.finished' }> | undefined;
      for await (const { event } of client.runs.events(accepted.runId, signal && { signal })) {
        print(event);
        if (event.type === 'step.finished' && event.kind === 'model') {
          said = event.output ?? null;
          model = event.name;
        }
        if (event.type === 'run.finished') end = event;
      }
      const status = end?.status ?? 'running';
      const reply = status === 'succeeded' ? { text: said ?? '' } : null;
      return { ...accepted, status, reply, model, error: end?.error ?? null };
    },
    async cancel() {
      cancelled = true;
      if (runId) await cancelRun(runId);
    },
  };
}
