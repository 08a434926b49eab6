/**
 * The run loop: prompt → model → tools → journal, until the model answers without asking for a tool.
 *
 * Each turn of the loop reads where the run stands from its journal and does the one next thing. Nothing else is
 * remembered, so a run that another worker began goes on here exactly as one of our own.
 */
import { type Failure, nothingToReport, textOf } from '@nightshift/contracts';
import { type Refusal, warnOfBudgets } from '@nightshift/core/budgets';
import {
  adoptSummary,
  findHistorySummary,
  type HistoryMessage,
  hashesOf,
  keepHistorySummary,
  mostMessages,
  readHistory,
  readJoined,
  type Summary,
} from '@nightshift/core/conversations';
import { isPassing, isValueRefused } from '@nightshift/core/database';
import { createRunEventWriter, type RunEventWriter } from '@nightshift/core/events';
import type { Log } from '@nightshift/core/log';
import {
  answerRun,
  type ClaimedRun,
  endRun,
  finishCompactionStep,
  finishStep,
  handOverRun,
  type JournalScope,
  type JournalStep,
  LaneLostError,
  postponeRun,
  type RunEnd,
  readJournal,
  type StepResult,
  settleLostLedger,
  settleStepLedger,
} from '@nightshift/core/runs';
import type { Routing } from '@nightshift/providers';
import type { Tool } from '@nightshift/tools';
import { waits } from './admission.ts';
import { checkAnswer, maxRepairs, repairRequest } from './answer-format.ts';
import { type ShownMessage, showAttachments } from './attachments.ts';
import { isLong, mayBeLong, olderOf, summarize } from './compaction.ts';
import {
  emptyAnswer,
  formatFailure,
  internalFailure,
  limitFailure,
  outputNotStored,
  TargetError,
} from './failure.ts';
import { createModelCaller, type ModelCaller } from './model-caller.ts';
import {
  type BegunModelStep,
  beginModelStep,
  journaled,
  resultOf,
  tellFinished,
  windowOf,
} from './model-step.ts';
import type { PlaceLimits } from './place-limits.ts';
import { allowedTools, buildCall, conversationOf } from './prompt.ts';
import type { RunContext, RunDeps } from './run-context.ts';
import { showSpeakers } from './speakers.ts';
import { stopCause } from './stop.ts';
import { runToolStep } from './tool-step.ts';
import { type PendingCall, readTranscript, requestOf, type Transcript } from './transcript.ts';

/** A step that crashed its worker this often ends the run. */
const maxCrashes = 5;

/** A history that stays too long however often it is shortened is not what is too long. */
const maxCompactions = 2;

export interface Executed {
  /** Lanes of the outbox that have something to send now. */
  outboxLanes: string[];
  /** The conversation may have another run to work on. */
  more: boolean;
}

/**
 * Works on a claimed run until it ends, or `signal` stops it. Afterwards the lane is free, or another worker's.
 *
 * - `cancelled` ends the run.
 * - `handover` leaves it running for the next worker, which goes on after the last finished step.
 * - `lane_lost` writes nothing more, but for what its calls have cost.
 *
 * @throws only what passes, such as a database that is unavailable; the run then stays as it is, and is taken up again later
 */
export async function executeRun(
  deps: RunDeps,
  run: ClaimedRun,
  signal: AbortSignal,
  log: Log,
): Promise<Executed> {
  const events = createRunEventWriter(deps.db, run.id, log, run.lane);
  using turn = new RunTurn(deps, run, signal, events, log);
  try {
    await turn.work();
  } catch (error) {
    if (error instanceof LaneLostError) {
      log.warn('lane lost to another worker; stopped');
      await turn.settleLost();
    } else if (isPassing(error)) throw error;
    else {
      log.error({ err: error }, 'run failed for an internal reason');
      await turn.fail(error).catch((cause) => {
        if (!(cause instanceof LaneLostError)) throw cause;
      });
    }
  } finally {
    await events.flush();
  }
  return turn.executed;
}

class RunTurn {
  readonly #deps: RunDeps;
  readonly #run: ClaimedRun;
  readonly #scope: JournalScope;
  readonly #context: RunContext;
  readonly #stop: AbortSignal;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #events: RunEventWriter;
  readonly #log: Log;
  readonly #caller: ModelCaller;
  readonly #tools: readonly Tool[];
  readonly #steps: JournalStep[] = [];
  /** What was said to this run, as far as it is known. */
  #own: ShownMessage[] = [];
  /** The conversation's, when they were read. */
  #amendments: number;
  /** What was said before the run: the older part in short, the newer as it was. */
  #summary: Summary | null = null;
  #before: ShownMessage[] = [];
  /** Where its answer goes. */
  #placeLimits: PlaceLimits | null = null;
  #compactions = 0;
  /** Of a history that came with the request, from its first message on; null: nobody brings the same one again. */
  #broughtHashes: Map<number, Buffer> | null = null;
  readonly #outboxLanes = new Set<string>();
  readonly #warnings: string[] = [];
  /** The model step under way: what it has used is not in the ledger yet. */
  #unsettled: BegunModelStep | null = null;
  /** The step before was charged to budgets: they may have come near their end. */
  #charged = false;
  #finished = false;
  #more = true;

  constructor(deps: RunDeps, run: ClaimedRun, stop: AbortSignal, events: RunEventWriter, log: Log) {
    const timeLeft = Math.max(0, Math.round(run.agent.limits.maxSeconds * 1000 - run.elapsedMs));
    // Not AbortSignal.timeout: it would live on for the whole limit after a run that took a moment.
    const timeUp = new AbortController();
    this.#timer = setTimeout(() => timeUp.abort(new Error('The time of the run is up.')), timeLeft);
    this.#deps = deps;
    this.#run = run;
    this.#amendments = run.amendments;
    this.#scope = { lane: run.lane, runId: run.id, teamId: run.teamId, agentId: run.agent.id };
    this.#stop = stop;
    this.#signal = AbortSignal.any([stop, timeUp.signal]);
    this.#events = events;
    this.#log = log;
    this.#tools = allowedTools(deps.tools, run.agent.tools, run.guest);
    this.#context = {
      ...{ deps, run, scope: this.#scope, stop, signal: this.#signal, events, log },
      live: deps.live?.open(run, this.#signal, log),
      warn: (message) => this.#warn(message),
    };
    this.#caller = createModelCaller(this.#context);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#context.live?.close();
  }

  get executed(): Executed {
    return { outboxLanes: [...this.#outboxLanes], more: this.#more };
  }

  /** The first message of the run. */
  get #ownSeq(): number {
    return this.#own[0]?.seq ?? Number.POSITIVE_INFINITY;
  }

  get #seenSeq(): number {
    return this.#own.at(-1)?.seq ?? 0;
  }

  async work(): Promise<void> {
    const { db } = this.#deps;
    const run = this.#run;
    this.#events.publish({ type: 'run.started', runId: run.id, attempt: run.attempt });
    if (run.agent.deleted) {
      return this.end({
        status: 'failed',
        error: { code: 'agent_deleted', message: 'The agent was deleted.' },
      });
    }
    if (run.cancelled) return this.end({ status: 'cancelled', error: null });
    const begunBefore = run.takenOver || run.waited || run.attempt > 1;
    const [history, steps, placeLimits] = await Promise.all([
      readHistory(db, run.lane.conversationId, run.id),
      begunBefore ? readJournal(db, run.id) : [],
      this.#deps.places?.read(run) ?? null,
    ]);
    this.#placeLimits = placeLimits;
    this.#own.push(...(await this.#show(history.own)));
    this.#before = [...(await this.#show(history.before))];
    this.#summary = history.summary;
    if (run.options.brought && !history.summary) this.#broughtHashes = new Map();
    this.#steps.push(...steps);
    for (;;) {
      const transcript = readTranscript(this.#own, this.#steps);
      if (this.#signal.aborted) return this.#endStopped(null);
      const limit = this.#reachedLimit(transcript);
      if (limit) return this.end({ status: 'failed', error: limit });
      const over =
        transcript.pendingCalls.length > 0
          ? await this.#runTools(transcript.pendingCalls)
          : await this.#callModel(transcript);
      if (this.#charged) await this.#warnOfBudgets();
      if (over) return;
    }
  }

  /**
   * Ends the run in the journal, gives back the lane and tells the watchers. A run that ends otherwise than with an
   * answer takes along what was said to it meanwhile: it is this run that a retry goes on with.
   */
  async end(end: Pick<RunEnd, 'status' | 'error'>, step: StepResult | null = null): Promise<void> {
    while (!(await this.#tryEnd({ ...end, reply: null }, step))) await this.#takeIn();
  }

  /**
   * Ends a run that cannot go on for a reason of our own. What its model step has used is settled first and by itself, so
   * that whatever was refused does not take the ledger along. No step stays open.
   */
  async fail(cause: unknown): Promise<void> {
    const step = this.#unsettled;
    if (step && step.ledger.length > 0) {
      try {
        await settleStepLedger(this.#deps.db, this.#scope, step);
        this.#charged = step.budgeted;
      } catch (error) {
        if (error instanceof LaneLostError || isPassing(error)) throw error;
        this.#log.error({ err: error, ledger: step.ledger }, 'what the step used is not in the ledger');
      }
    }
    await this.end({
      status: 'failed',
      error: step && isValueRefused(cause) ? outputNotStored : internalFailure,
    });
    if (this.#charged) await this.#warnOfBudgets();
  }

  /** Another worker goes on with the run; what this one has asked for is charged all the same. */
  async settleLost(): Promise<void> {
    const step = this.#unsettled;
    if (step && step.ledger.length > 0) await settleLostLedger(this.#deps.db, this.#scope, step);
  }

  /** False when somebody has said more meanwhile: nothing was written. */
  async #tryEnd(end: Pick<RunEnd, 'status' | 'error' | 'reply'>, step: StepResult | null): Promise<boolean> {
    await this.#context.live?.settle();
    const { status, error } = end;
    const whole = { ...end, model: this.#caller.model, warnings: this.#warnings, seenSeq: this.#seenSeq };
    const ended = await endRun(this.#deps.db, this.#scope, whole, step);
    if (!ended) return false;
    if (step) this.#unsettled = null;
    for (const lane of ended.outboxLanes) this.#outboxLanes.add(lane);
    this.#more = ended.more;
    this.#finished = true;
    this.#events.publish({ type: 'run.finished', runId: this.#run.id, status, ...(error ? { error } : {}) });
    this.#deps.metrics.runSeconds.observe({ status }, (Date.now() - this.#run.createdAt.getTime()) / 1000);
    this.#log.info(
      { status, error: error?.code, model: this.#caller.model, steps: this.#steps.length },
      'run ended',
    );
    return true;
  }

  /** Puts the run back into its lane, for later: a budget may let it go on then. */
  async #postpone({ reason, message, until, figures }: Refusal): Promise<void> {
    const waiting = {
      code: `budget_${reason}`,
      message,
      until: (until ?? new Date()).toISOString(),
      details: figures,
    };
    await postponeRun(this.#deps.db, this.#scope, {
      waiting,
      warnings: this.#warnings,
      model: this.#caller.model,
    });
    this.#events.publish({ type: 'run.waiting', runId: this.#run.id, waiting });
    this.#log.info({ budget: figures, until: waiting.until }, 'run waits for a budget');
  }

  async #warnOfBudgets(): Promise<void> {
    this.#charged = false;
    for (const { message, figures, lanes } of await warnOfBudgets(this.#deps.db, this.#run.id)) {
      for (const lane of lanes) this.#outboxLanes.add(lane);
      // Nobody watches for events after the last one.
      if (!this.#finished) this.#events.publish({ type: 'run.warning', message });
      this.#log.warn({ budget: figures }, message);
    }
  }

  /** Reads what has joined the run; the next model step is shown it. */
  async #takeIn(): Promise<void> {
    const { conversationId } = this.#run.lane;
    const joined = await readJoined(this.#deps.db, conversationId, this.#run.id, this.#seenSeq);
    this.#own.push(...(await this.#show(joined)));
  }

  async #show(messages: readonly HistoryMessage[]): Promise<readonly ShownMessage[]> {
    const { attachments } = this.#deps;
    const shown = await showAttachments(attachments, this.#run, messages, this.#signal);
    return showSpeakers(shown, this.#run.place);
  }

  /** Somebody changed a message before a model was shown it. What the model is shown from here on stays so. */
  async #readAgain(): Promise<void> {
    const { own } = await readHistory(this.#deps.db, this.#run.lane.conversationId, this.#run.id);
    const seenSeq = this.#seenSeq;
    this.#own = [...(await this.#show(own.filter(({ seq }) => seq <= seenSeq)))];
  }

  /** @param repair what the model is asked to mend of its answer */
  #call({ messages }: Transcript, repair: string | null) {
    const { agent, place, options } = this.#run;
    const person = this.#own.findLast(({ name }) => name !== null)?.name ?? null;
    return buildCall({
      agent,
      held: place ? { place, person } : undefined,
      summary: this.#summary?.text ?? null,
      before: this.#before,
      run: repair === null ? messages : [...messages, requestOf(repair)],
      tools: this.#tools,
      options,
      placeLimits: this.#placeLimits,
    });
  }

  async #finishStep(step: StepResult): Promise<void> {
    const steeredSeq = await finishStep(this.#deps.db, this.#scope, step);
    this.#unsettled = null;
    if (steeredSeq > this.#seenSeq) await this.#takeIn();
  }

  /** The signal aborted: end the run, or leave it to the next worker. `step` is what was under way. */
  async #endStopped(step: StepResult | null): Promise<void> {
    const cause = stopCause(this.#stop);
    if (cause === 'lane_lost') return this.settleLost();
    if (cause === 'handover') {
      // The ledger must know of an attempt that was paid for. A failed step is made again by the next worker.
      if (step) await this.#finishStep(step);
      await handOverRun(this.#deps.db, this.#scope);
      this.#log.info('run handed over');
      return;
    }
    if (cause === 'cancelled') return this.end({ status: 'cancelled', error: null }, step);
    const { maxSeconds } = this.#run.agent.limits;
    return this.end({ status: 'failed', error: limitFailure('seconds', maxSeconds, maxSeconds) }, step);
  }

  #reachedLimit({ finishedSteps, tokens }: Transcript): Failure | undefined {
    const { maxSteps, maxTokens } = this.#run.agent.limits;
    if (finishedSteps >= maxSteps) return limitFailure('steps', finishedSteps, maxSteps);
    if (tokens >= maxTokens) return limitFailure('tokens', tokens, maxTokens);
    return undefined;
  }

  /** One model step, or one that makes room for it. True when the run is over. */
  async #callModel(transcript: Transcript): Promise<boolean> {
    const { agent } = this.#run;
    let routing: Routing;
    try {
      routing = await this.#caller.route(agent.model, 'turn');
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      await this.end({ status: 'failed', error: error.failure });
      return true;
    }
    const repair = this.#repairOf(transcript);
    let call = this.#call(transcript, repair);
    const index = transcript.nextIndex;
    const window = windowOf(routing);
    if (mayBeLong(call, this.#before, window) && (await this.#findSummary()))
      call = this.#call(transcript, repair);
    if (isLong(call, this.#before, window) && this.#canCompact(window)) return this.#compact(index, window);

    const input = { throughSeq: this.#seenSeq, ...(repair === null ? {} : { repair }) };
    const step = await beginModelStep(this.#context, index, routing, input, call);
    this.#unsettled = step;
    if (await this.#isCrashLoop(step.attempts)) return true;
    if (step.amendments !== this.#amendments) {
      this.#amendments = step.amendments;
      await this.#readAgain();
      call = this.#call(readTranscript(this.#own, this.#steps), repair);
    }
    const outcome = await this.#caller.ask({ task: 'turn', call, ...step }, routing);
    const result = resultOf(step, outcome);
    const text = textOf(outcome.message.content);
    if (await this.#isCutShort(step, result)) return true;
    tellFinished(this.#context, step, result, outcome, this.#caller.model ?? step.name);
    if (outcome.failure?.code === 'model_context' && this.#canCompact(window)) {
      await this.#finishStep(result);
      return this.#compact(index + 1, window);
    }
    if (outcome.failure) {
      if (outcome.failure.code === 'model_content' && text.trim())
        this.#warn('What was shown of the answer is not all of it: a content filter stopped it.');
      await this.end({ status: 'failed', error: outcome.failure }, result);
      return true;
    }
    const done = journaled(step, result, outcome);
    if (outcome.message.content.some(({ type }) => type === 'toolCall')) {
      await this.#finishStep(result);
      this.#remember(done);
      return false;
    }
    const silent = this.#run.trigger === 'schedule' && text.trim() === nothingToReport;
    if (!text.trim()) {
      await this.end({ status: 'failed', error: emptyAnswer(outcome.stop) }, result);
      return true;
    }
    if (outcome.stop === 'length') this.#warn("The answer was cut at the model's output limit.");
    const answer = checkAnswer(text, this.#run.options.format, outcome.stop);
    if ('problem' in answer) {
      if (this.#repairs + (repair === null ? 0 : 1) >= maxRepairs) {
        await this.end({ status: 'failed', error: formatFailure(answer.problem) }, result);
        return true;
      }
      await this.#finishStep(result);
      this.#remember(done);
      return false;
    }
    const reply = { text: answer.text };
    if (await this.#tryEnd({ status: 'succeeded', error: null, reply: silent ? null : reply }, result))
      return true;
    // Somebody has said more while the model was answering: the answer stands, and the run goes on with the rest.
    const lanes = await answerRun(this.#deps.db, this.#scope, reply, result);
    this.#unsettled = null;
    for (const lane of lanes) this.#outboxLanes.add(lane);
    this.#remember(done);
    await this.#takeIn();
    return false;
  }

  /** True when the run was stopped while the model was asked, or is to wait for a budget: that is written then. */
  async #isCutShort({ budgeted, ledger, admission }: BegunModelStep, result: StepResult): Promise<boolean> {
    this.#charged = budgeted && ledger.length > 0;
    if (this.#signal.aborted) {
      await this.#endStopped({ ...result, status: 'failed' });
      return true;
    }
    if (!admission.refusal || !waits(admission.refusal)) return false;
    // The ledger must know of attempts before the one that was refused.
    if (ledger.length > 0) await this.#finishStep(result);
    await this.#postpone(admission.refusal);
    return true;
  }

  get #repairs(): number {
    return this.#steps.filter((step) => step.kind === 'model' && step.input.repair !== undefined).length;
  }

  /** What the model is to be told of its last answer; null: it has not answered yet, or its answer was fine. */
  #repairOf({ messages }: Transcript): string | null {
    const { format } = this.#run.options;
    const last = messages.at(-1);
    if (!format || last?.role !== 'assistant') return null;
    const answer = checkAnswer(textOf(last.content), format, 'end');
    return 'problem' in answer ? repairRequest(answer.problem, format) : null;
  }

  /** Looks once for what an earlier request has made of the same history. True: it is shorter now. */
  async #findSummary(): Promise<boolean> {
    const { db } = this.#deps;
    const hashes = this.#broughtHashes;
    if (!hashes || hashes.size > 0) return false;
    const said = this.#before.filter(({ role, seq }) => role !== 'system' && seq < this.#ownSeq);
    const all = hashesOf(said);
    for (const [at, hash] of all.entries()) hashes.set(said[at]!.seq, hash);
    const found = await findHistorySummary(db, this.#owner, all);
    if (!found) return false;
    const summary = { throughSeq: said[found.count - 1]!.seq, text: found.text };
    await adoptSummary(db, this.#run.lane.conversationId, summary).catch((error: unknown) => {
      if (!isValueRefused(error)) throw error;
      this.#log.error({ err: error }, 'the summary could not be stored');
    });
    this.#shorten(summary);
    return true;
  }

  get #owner() {
    return { teamId: this.#run.teamId, agentId: this.#run.agent.id };
  }

  #shorten(summary: Summary): void {
    this.#summary = summary;
    this.#before = this.#before.filter(({ role, seq }) => role === 'system' || seq > summary.throughSeq);
  }

  #canCompact(window: number | null): boolean {
    return this.#compactions < maxCompactions && olderOf(this.#before, this.#ownSeq, window).length > 0;
  }

  /**
   * One step that summarizes the older messages before the run. When it fails the run goes on with the history as it is.
   * True when the run is over. `window`: of the model that is to answer.
   */
  async #compact(index: number, window: number | null): Promise<boolean> {
    const { agent } = this.#run;
    this.#compactions++;
    const older = olderOf(this.#before, this.#ownSeq, window);
    const throughSeq = older.at(-1)!.seq;
    let routing: Routing;
    try {
      routing = await this.#caller.route(agent.model, 'compaction');
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      this.#goOnUnshortened(error.failure);
      return false;
    }
    const input = { throughSeq: this.#seenSeq, task: 'compaction' } as const;
    const messages = conversationOf(older);
    const step = await beginModelStep(this.#context, index, routing, input, { messages });
    this.#unsettled = step;
    if (await this.#isCrashLoop(step.attempts)) return true;
    const outcome = await summarize({
      ...{ agentName: agent.name, previous: this.#summary?.text ?? null, older, window: windowOf(routing) },
      ask: (call) => this.#caller.ask({ task: 'compaction', call, ...step }, routing),
    });
    const result = resultOf(step, outcome);
    if (await this.#isCutShort(step, result)) return true;
    tellFinished(this.#context, step, result, outcome, step.name);
    this.#remember(journaled(step, result, outcome));
    if (outcome.failure) {
      this.#goOnUnshortened(outcome.failure);
      await this.#finishStep(result);
      return false;
    }
    const summary = { throughSeq, text: textOf(outcome.message.content).trim() };
    let steeredSeq: number;
    try {
      steeredSeq = await finishCompactionStep(this.#deps.db, this.#scope, result, summary);
    } catch (error) {
      if (!isValueRefused(error)) throw error;
      this.#log.error({ err: error }, 'the summary could not be stored');
      this.#goOnUnshortened(outputNotStored);
      await this.#finishStep({ ...result, status: 'failed', output: null, error: outputNotStored });
      return false;
    }
    this.#unsettled = null;
    this.#shorten(summary);
    const hash = this.#broughtHashes?.get(throughSeq);
    if (hash) await keepHistorySummary(this.#deps.db, this.#owner, hash, summary.text);
    if (steeredSeq > this.#seenSeq) await this.#takeIn();
    return false;
  }

  #goOnUnshortened({ message }: Failure): void {
    this.#compactions = maxCompactions;
    const newest = this.#before.slice(-mostMessages);
    this.#before = this.#before.filter((each) => each.role === 'system' || newest.includes(each));
    this.#warn(`The older part of the conversation could not be summarized: ${message}`);
  }

  /** Says it once. */
  #warn(message: string): void {
    if (this.#warnings.includes(message)) return;
    this.#warnings.push(message);
    this.#events.publish({ type: 'run.warning', message });
  }

  /** The calls of one answer, at once. True when the run is over. */
  async #runTools(pending: readonly PendingCall[]): Promise<boolean> {
    // All of them are over before the run may end, also when one fails for a reason of our own.
    const settled = await Promise.allSettled(pending.map((call) => this.#runTool(call)));
    const finished = settled.map((tool) => {
      if (tool.status === 'rejected') throw tool.reason;
      return tool.value;
    });
    if (finished.includes('crash_loop')) return true;
    if (!this.#signal.aborted) return false;
    await this.#endStopped(null);
    return true;
  }

  async #runTool(call: PendingCall): Promise<'finished' | 'crash_loop'> {
    const step = await runToolStep(this.#context, this.#tools, call, (attempts) =>
      this.#isCrashLoop(attempts),
    );
    if (step === 'crash_loop') return step;
    if (step) this.#remember(step);
    return 'finished';
  }

  async #isCrashLoop(attempts: number): Promise<boolean> {
    if (attempts <= maxCrashes) return false;
    await this.end({
      status: 'failed',
      error: {
        code: 'crash_loop',
        message: `A step of this run stopped its worker ${maxCrashes} times.`,
        hint: "The server's log has the details under this run's id. Retry the run when the cause is mended.",
      },
    });
    return true;
  }

  #remember(step: JournalStep): void {
    this.#steps.push(step);
    this.#steps.sort((a, b) => a.index - b.index);
  }
}
