/**
 * Shows an answer while it is written. Where the platform can edit there is one message a turn, sent at the first text
 * and edited as more comes, though not more often than the platform likes; elsewhere the chat shows that somebody types.
 * All of it is a courtesy: whatever fails here is dropped, and the outbox delivers the answer.
 */
import type { ConnectionDeps, LiveReplies, LiveReply, OpenCached, OpenConnection } from '@nightshift/agent';
import {
  ChannelError,
  type Lookup,
  type Part,
  renderBeginning,
  type SendReceipt,
} from '@nightshift/channels';
import type { Fetch } from '@nightshift/contracts';
import {
  beginLiveReply,
  dropLiveReply,
  isLive,
  keepReceipt,
  readThread,
  type ThreadPlace,
} from '@nightshift/core/channels';
import type { Log } from '@nightshift/core/log';
import { takeTurn } from '@nightshift/core/outbox';
import type { ClaimedRun } from '@nightshift/core/runs';
import { sendLimits } from './send-limits.ts';
import type { Sessions } from './sessions.ts';

export interface LiveDeps extends ConnectionDeps {
  open: OpenCached;
  fetch: Fetch;
  lookup: Lookup;
  sessions: Sessions;
}

/** How long one call may take, in milliseconds: the answer waits for the last one. */
const callTimeoutMs = 5_000;

/** After a message that could not be sent, the next attempt at one waits at least so long, in milliseconds. */
const afterFailureMs = 3_000;

export function createLiveReplies(deps: LiveDeps): LiveReplies {
  return {
    // A schedule's run may have nothing to say, which is known at its end only.
    open: (run, signal, log) =>
      run.channelId && run.trigger !== 'schedule'
        ? openLive(deps, run, run.channelId, signal, log)
        : undefined,
  };
}

interface Place extends OpenConnection, ThreadPlace {}

function openLive(
  deps: LiveDeps,
  run: ClaimedRun,
  channelId: string,
  signal: AbortSignal,
  log: Log,
): LiveReply {
  /** What the step under way has said. */
  let text = '';
  let index = -1;
  let message: { id: string; receipt: SendReceipt } | null = null;
  let shown = '';
  /** No message is sent or edited before, by `performance.now()`. */
  let notBefore = 0;
  let gaveUp = false;
  let settled = false;
  let closed = false;
  let working: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let typing: NodeJS.Timeout | undefined;

  const context = () => ({
    fetch: deps.fetch,
    lookup: deps.lookup,
    session: deps.sessions.of(channelId),
    signal: AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)]),
  });
  /** Each time: the channel may be paused, deleted or changed while the answer is written. Null: it shows nothing. */
  const read = () => findPlace(deps, run.teamId, channelId, run.lane.conversationId);

  /** Waits for nobody, and for its own call to end. */
  function work(step: (at: Place) => Promise<void>): void {
    if (working || closed || signal.aborted) return;
    working = read()
      .then((at) => {
        if (at) return step(at);
        notBefore = performance.now() + afterFailureMs;
      })
      .catch((error: Error) => log.debug({ err: error }, 'answer not shown while it is written'))
      .finally(() => {
        working = undefined;
        schedule();
      });
  }

  function schedule(): void {
    if (timer || closed || settled || gaveUp || text === '' || text === shown) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        work(show);
      },
      Math.max(0, notBefore - performance.now()),
    );
  }

  async function show(at: Place): Promise<void> {
    const { adapter, connection, thread, direct } = at;
    const throttle = adapter.capabilities.edit;
    if (!throttle || !adapter.edit) {
      gaveUp = true;
      return;
    }
    const now = text;
    const part = renderBeginning(now, adapter.capabilities);
    if (part) {
      // The answer itself, and what else is said there, goes first.
      const sending = { to: thread, direct, isEdit: message !== null, spare: 1 };
      const waitMs = await takeTurn(deps.db, sendLimits(at, sending));
      notBefore = performance.now() + waitMs;
      if (waitMs > 0) return;
    }
    shown = now;
    if (!part) return;
    notBefore = performance.now() + (direct ? throttle.directMs : throttle.groupMs);
    try {
      if (message) {
        if (await isLive(deps.db, run.lane, message.id))
          await adapter.edit(part, message.receipt, thread, connection, context());
        return;
      }
      const begun = await beginLiveReply(deps.db, run.lane, run.id);
      if (!begun) {
        gaveUp = true;
        return;
      }
      if (begun.receipt) {
        // Another worker had begun it: it goes on in the same message.
        message = { id: begun.id, receipt: begun.receipt };
        await adapter.edit(part, begun.receipt, thread, connection, context());
        return;
      }
      message = await send(at, begun.id, part);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      gaveUp = error.kind !== 'retry';
      notBefore = performance.now() + Math.max(error.retryAfterMs ?? 0, afterFailureMs);
    }
  }

  async function send({ adapter, connection, thread }: Place, id: string, beginning: Part) {
    const keyed = { ...context(), idempotencyKey: `live:${id}` };
    try {
      const receipt = await adapter.send(beginning, thread, connection, keyed);
      await keepReceipt(deps.db, id, receipt);
      return { id, receipt };
    } catch (error) {
      // What may have arrived keeps its row, so that no second message is sent in its place.
      if (error instanceof ChannelError && error.kind !== 'ambiguous') await dropLiveReply(deps.db, id);
      throw error;
    }
  }

  async function showTyping({ adapter, connection, thread }: Place): Promise<void> {
    const { typing: capability } = adapter.capabilities;
    if (!capability || !adapter.typing) return;
    typing ??= setInterval(() => {
      if (message === null && !settled) work(showTyping);
    }, capability.lastsMs * 0.8);
    await adapter.typing(thread, connection, context());
  }

  work(showTyping);
  return {
    write(step, delta) {
      if (step !== index) [index, text, shown] = [step, '', ''];
      settled = false;
      text += delta;
      schedule();
    },
    async settle() {
      settled = true;
      clearTimeout(timer);
      timer = undefined;
      // What is under way must not arrive after the answer.
      await working;
      message = null;
      text = '';
      shown = '';
      gaveUp = false;
    },
    close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(typing);
    },
  };
}

async function findPlace(
  deps: LiveDeps,
  teamId: string,
  channelId: string,
  conversationId: string,
): Promise<Place | null> {
  const thread = await readThread(deps.db, conversationId);
  if (!thread) return null;
  const open = await deps.open({ teamId, channelId, version: thread.version });
  // Another worker holds the connection: the answer comes from there, as a whole.
  if (!deps.sessions.reaches(open.channel.kind, channelId)) return null;
  return { ...open, ...thread };
}
