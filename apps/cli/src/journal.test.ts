import type { Run, Step } from '@nightshift/contracts';
import { describe, expect, it } from 'vitest';
import { renderJournal } from './journal.ts';
import { createStyle } from './terminal/style.ts';

const run: Run = {
  id: '0199c1d2-0000-7000-8000-000000000001',
  agentId: '0199c1d2-0000-7000-8000-000000000002',
  agent: { id: '0199c1d2-0000-7000-8000-000000000002', name: 'assistant' },
  channel: null,
  schedule: null,
  person: null,
  conversationId: '0199c1d2-0000-7000-8000-000000000003',
  trigger: 'api',
  status: 'failed',
  attempt: 2,
  model: 'lab/big',
  error: { code: 'model_server', message: 'The vendor failed.', hint: 'Retry the run.' },
  warnings: ['The answer was cut.'],
  waiting: null,
  traceId: null,
  usage: { attempts: 2, inputTokens: 1_250, outputTokens: 30, costUsd: '0.00125', estimated: 1 },
  createdAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:01.000Z',
  endedAt: '2026-01-01T00:00:04.500Z',
};

const step = (more: Partial<Step>): Step => ({
  index: 0,
  kind: 'model',
  name: 'lab/big',
  status: 'succeeded',
  attempts: 1,
  input: null,
  output: null,
  error: null,
  usage: null,
  modelAttempts: [],
  startedAt: '2026-01-01T00:00:01.000Z',
  endedAt: '2026-01-01T00:00:03.000Z',
  ...more,
});

const attempt = {
  task: 'turn',
  provider: 'lab',
  wire: 'openai-chat',
  model: 'big',
  answeredModel: null,
  estimated: false,
  costReported: false,
  credentialId: null,
  keyLabel: null,
  detail: null,
  firstTokenMs: 340,
  durationMs: 1_900,
  startedAt: '2026-01-01T00:00:01.000Z',
};

const steps = [
  step({
    output: {
      stop: 'toolCalls',
      message: {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'A clock?', issuer: 'x' },
          { type: 'text', text: 'I look.' },
          { type: 'toolCall', id: 'c', name: 'time.now', arguments: { timezone: 'UTC' } },
        ],
      },
    },
    modelAttempts: [
      { ...attempt, outcome: 'rate', detail: 'HTTP 429', usage: null, costUsd: null, firstTokenMs: null },
      {
        ...attempt,
        outcome: 'ok',
        usage: { input: 1_250, cachedInput: 1_000, cacheWrite: 0, output: 30, reasoning: 10 },
        costUsd: '0.00125',
        costReported: true,
      },
      {
        ...attempt,
        outcome: 'aborted',
        answeredModel: 'maker/other',
        usage: { input: 90, cachedInput: 0, cacheWrite: 0, output: 5, reasoning: 0 },
        estimated: true,
        costUsd: null,
      },
    ],
  }),
  step({
    index: 1,
    kind: 'tool',
    name: 'time.now',
    attempts: 2,
    input: { callId: 'c', arguments: { timezone: 'UTC' } },
    output: {
      type: 'toolResult',
      callId: 'c',
      name: 'time.now',
      content: [{ type: 'text', text: 'line 1\nline 2\nline 3\nline 4' }],
      isError: false,
    },
  }),
  step({ index: 2, status: 'failed', error: run.error, output: { message: { content: [] } } }),
  step({ index: 3, status: 'started', endedAt: null }),
];

const render = (maxLines: number) =>
  renderJournal(run, steps, { style: createStyle(false), agentName: 'assistant', maxLines });

describe('renderJournal', () => {
  it('tells what the run did, what each attempt cost, and why it failed', () => {
    expect(render(20)).toBe(`Run 0199c1d2-0000-7000-8000-000000000001  failed  3.5s
  agent         assistant
  conversation  0199c1d2-0000-7000-8000-000000000003
  started       2026-01-01, by api, attempt 2
  model         lab/big, 2 calls
  tokens        1,250 in, 30 out, partly estimated
  cost          $0.00125
  ! The answer was cut.
  ✗ The vendor failed.
    Retry the run.

 0 lab/big  succeeded  2.0s
    lab/big  rate  tokens unknown  cost unknown  1.9s  HTTP 429
    lab/big  ok  1,250 in (1,000 cached), 30 out (10 reasoning)  $0.00125 (as reported)  1.9s, first token 340ms
    lab/big (answered by maker/other)  aborted  90 in, 5 out (estimated)  cost unknown  1.9s, first token 340ms
    (thinks) A clock?
    I look.
    → time.now {"timezone":"UTC"}

 1 → time.now {"timezone":"UTC"}  succeeded  2.0s  begun 2 times
    line 1
    line 2
    line 3
    line 4

 2 lab/big  failed  2.0s
    ✗ The vendor failed.
      Retry the run.

 3 lab/big  started
`);
  });

  it('shortens long texts, and says how to see them whole', () => {
    expect(render(2)).toContain('    line 1\n    line 2\n    … 2 lines more: --full\n');
  });

  it('names the agent by its id when it was deleted', () => {
    const out = renderJournal(run, [], { style: createStyle(false), agentName: undefined, maxLines: 1 });
    expect(out).toContain(`${run.agentId} (deleted)`);
  });
});
