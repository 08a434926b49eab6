/** A run's journal for people: what it did step by step, how long it took and what it cost. */
import type { AssistantMessage, Attempt, Run, Step, ToolResultPart } from '@nightshift/contracts';
import { renderArguments, renderFailure } from './run-printer.ts';
import { ago, count, duration, took, usd } from './terminal/format.ts';
import { paintStatus, type Style } from './terminal/style.ts';
import { indent, oneLine, printable } from './terminal/text.ts';

export interface JournalOptions {
  style: Style;
  /** The agent's name; undefined when it was deleted. */
  agentName: string | undefined;
  /** How many lines of one text are shown. */
  maxLines: number;
}

/** What the journal keeps in `Step.output`. */
type ModelOutput = { message?: AssistantMessage };
type ToolOutput = Partial<ToolResultPart>;

export function renderRun(run: Run, { style, agentName }: JournalOptions): string {
  const { inputTokens, outputTokens, costUsd, attempts, estimated } = run.usage;
  const line = (label: string, value: string) => `  ${style.dim(label.padEnd(14))}${value}\n`;
  const total = took(run.startedAt, run.endedAt);
  return [
    `${style.bold('Run')} ${run.id}  ${paintStatus(style, run.status)}${total && `  ${total}`}\n`,
    line('agent', oneLine(agentName ?? `${run.agentId} (deleted)`)),
    line('conversation', run.conversationId),
    line(
      'started',
      `${ago(run.startedAt)}, by ${run.trigger}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`,
    ),
    run.model ? line('model', `${oneLine(run.model)}, ${attempts} ${attempts === 1 ? 'call' : 'calls'}`) : '',
    line(
      'tokens',
      `${count(inputTokens)} in, ${count(outputTokens)} out${estimated > 0 ? ', partly estimated' : ''}`,
    ),
    line('cost', usd(costUsd)),
    ...run.warnings.map((warning) => `  ${style.yellow(`! ${printable(warning)}`)}\n`),
    run.waiting
      ? `  ${style.yellow(`… ${printable(run.waiting.message)} Until ${run.waiting.until}.`)}\n`
      : '',
    run.error ? indent(renderFailure(run.error, style), '  ') : '',
  ].join('');
}

export function renderJournal(run: Run, steps: readonly Step[], options: JournalOptions): string {
  return [renderRun(run, options), ...steps.map((step) => renderStep(step, options))].join('\n');
}

function renderStep(step: Step, { style, maxLines }: JournalOptions): string {
  const time = step.status === 'started' ? '' : `  ${took(step.startedAt, step.endedAt)}`;
  const again = step.attempts > 1 ? style.yellow(`  begun ${step.attempts} times`) : '';
  const name = `${step.kind === 'tool' ? '→ ' : ''}${oneLine(step.name)}`;
  const input =
    step.kind === 'tool' ? renderArguments((step.input as { arguments?: unknown } | null)?.arguments) : '';
  return [
    `${style.dim(String(step.index).padStart(2))} ${style.bold(name)}${input}  ${paintStatus(style, step.status)}${time}${again}\n`,
    ...step.modelAttempts.map((attempt) => style.dim(renderAttempt(attempt))),
    indent(shorten(step.kind === 'tool' ? toolText(step) : modelText(step), maxLines, style)),
    step.error ? indent(renderFailure(step.error, style)) : '',
  ].join('');
}

function renderAttempt(attempt: Attempt): string {
  const { usage, estimated, costReported, answeredModel, firstTokenMs, durationMs } = attempt;
  const cached = usage?.cachedInput ? ` (${count(usage.cachedInput)} cached)` : '';
  const reasoning = usage?.reasoning ? ` (${count(usage.reasoning)} reasoning)` : '';
  const parts = [
    `${attempt.provider}/${attempt.model}${answeredModel === null ? '' : ` (answered by ${answeredModel})`}`,
    attempt.outcome,
    usage
      ? `${count(usage.input)} in${cached}, ${count(usage.output)} out${reasoning}${estimated ? ' (estimated)' : ''}`
      : attempt.costUsd === null
        ? 'tokens unknown'
        : 'nothing used',
    attempt.costUsd === null
      ? 'cost unknown'
      : `${usd(attempt.costUsd)}${costReported ? ' (as reported)' : ''}`,
    `${duration(durationMs)}${firstTokenMs === null ? '' : `, first token ${duration(firstTokenMs)}`}`,
    ...(attempt.detail ? [attempt.detail] : []),
  ];
  return `    ${parts.map(oneLine).join('  ')}\n`;
}

function modelText({ output }: Step): string {
  const content = (output as ModelOutput | null)?.message?.content ?? [];
  return content
    .flatMap((part) => {
      if (part.type === 'text') return part.text;
      if (part.type === 'thinking') return part.text ? `(thinks) ${part.text}` : [];
      return `→ ${part.name}${renderArguments(part.arguments)}`;
    })
    .join('\n');
}

function toolText({ output }: Step): string {
  const content = (output as ToolOutput | null)?.content ?? [];
  return content.map((part) => (part.type === 'text' ? part.text : `[${part.mediaType}]`)).join('\n');
}

/** Ends with a line break, unless it is empty. */
function shorten(text: string, maxLines: number, style: Style): string {
  const lines = printable(text).trimEnd().split('\n');
  if (lines.length === 1 && lines[0] === '') return '';
  const rest = lines.length - maxLines;
  const shown = rest > 0 ? [...lines.slice(0, maxLines), style.dim(`… ${rest} lines more: --full`)] : lines;
  return `${shown.join('\n')}\n`;
}
