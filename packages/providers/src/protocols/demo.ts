/**
 * The built-in model `demo/guide`: a script, so that a fresh install shows the whole product without a key.
 *
 * It understands nothing and says so. It looks for a few words in the last message, calls the tools that are offered
 * to it through the real loop, and otherwise tells how to connect a real model. The same conversation gives the same
 * answer, ids included. Its usage is counted, not measured: one token for every 4 characters.
 */
import { type ModelMessage, type TokenUsage, type ToolResultPart, textOf } from '@nightshift/contracts';
import { Answer, issuerOf } from '../answer.ts';
import { abortedError } from '../errors.ts';
import type { ModelCall, Protocol } from '../provider.ts';

const label = 'Demo model (a script, it understands nothing): ';

const guide = `${label}I can show you how an agent here works, not think for you.

Try:
- "What time is it?" and I call a tool and tell you its result.
- "Remember that the demo is on Friday" and I write a note that stays.
- "Show my notes" and I list what is kept.

To talk to a real model, connect a key: start with OPENAI_API_KEY=… npm start (or ANTHROPIC_API_KEY, and many others), or add one with POST /v1/provider-credentials. The API is described at /docs. In a terminal: npm run nightshift -- chat`;

type Turn = { text: string } | { text: string; tool: string; input: Record<string, unknown> };

export function createDemo(): Protocol {
  return {
    async *stream(call, endpoint, signal) {
      const answer = new Answer(issuerOf(endpoint, call.model));
      if (signal.aborted) {
        yield { type: 'error', error: abortedError(), partial: answer.message(), usage: null };
        return;
      }
      yield { type: 'start' };
      const turn = nextTurn(call);
      for (const delta of pieces(turn.text)) {
        // Lets an abort, and everybody else in this process, have a turn between two pieces.
        await new Promise(setImmediate);
        if (signal.aborted) {
          const usage = countUsage(call, textOf(answer.message().content));
          yield { type: 'error', error: abortedError(), partial: answer.message(), usage };
          return;
        }
        yield answer.text(delta);
      }
      if ('tool' in turn) {
        const start = answer.toolStart(`demo_${countCalls(call.messages) + 1}`, turn.tool);
        yield start;
        yield* answer.toolDelta(start.id, JSON.stringify(turn.input));
        yield* answer.toolEnd(start.id);
      }
      yield* answer.finish(false);
      const written = 'tool' in turn ? turn.text + JSON.stringify(turn.input) : turn.text;
      yield {
        type: 'done',
        message: answer.message(),
        stop: 'tool' in turn ? 'toolCalls' : 'end',
        usage: countUsage(call, written),
      };
    },
  };
}

/** What to say or do next, from the last message alone. */
function nextTurn(call: ModelCall): Turn {
  const last = call.messages.at(-1);
  if (last?.role === 'tool') return { text: last.content.map(report).join('\n') };
  const text = last ? textOf(last.content).trim() : '';
  const offered = new Set(call.tools?.map((tool) => tool.name));
  return scenarioFor(text, offered) ?? { text: guide };
}

interface Scenario {
  tool: string;
  pattern: RegExp;
  say: string;
  input(match: RegExpExecArray): Record<string, unknown>;
}

/** The first that matches, and whose tool is offered, is played. */
const scenarios: readonly Scenario[] = [
  {
    tool: 'notes.read',
    pattern:
      /\b(?:read|open|show)\s+(?:me\s+)?(?:the\s+|my\s+)?note\s+(?:called\s+|named\s+)?["“]?([\w.-]+)/i,
    say: 'I read that note.',
    input: (match) => ({ name: match[1] }),
  },
  {
    tool: 'notes.delete',
    pattern:
      /\b(?:delete|forget|remove)\s+(?:the\s+|my\s+)?(?:note\s+)?(?:called\s+|named\s+)?["“]?([\w.-]+)/i,
    say: 'I delete that note.',
    input: (match) => ({ name: match[1] }),
  },
  {
    tool: 'notes.list',
    pattern: /\bnotes\b|\bwhat (?:did|have) i\b|\bdo you remember\b/i,
    say: 'I look into the notes.',
    input: () => ({}),
  },
  {
    tool: 'notes.write',
    pattern: /\b(?:remember|note)\b[\s:,]*(?:down\b\s*)?(?:that\b\s*)?(\S[\s\S]*)/i,
    say: 'I write that down.',
    input: (match) => ({ name: noteName(match[1]!), text: match[1] }),
  },
  {
    tool: 'time.now',
    pattern: /\btime\b|\bclock\b|\bwhat day\b|\bdate\b/i,
    say: 'I ask the clock.',
    input: (match) => {
      const zone = /\b[A-Z][A-Za-z]+\/[A-Z][A-Za-z_]+\b/.exec(match.input)?.[0];
      return zone ? { timezone: zone } : {};
    },
  },
];

function scenarioFor(text: string, offered: ReadonlySet<string>): Turn | null {
  for (const scenario of scenarios) {
    const match = scenario.pattern.exec(text);
    if (match && offered.has(scenario.tool)) {
      return { text: label + scenario.say, tool: scenario.tool, input: scenario.input(match) };
    }
  }
  return null;
}

/** Up to four words of the text, as a name. */
function noteName(text: string): string {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.slice(0, 4).join('-').slice(0, 40) || 'note';
}

function report(result: ToolResultPart): string {
  const output = textOf(result.content);
  if (result.isError) return `${label}the tool ${result.name} failed: ${output}`;
  switch (result.name) {
    case 'time.now':
      return `${label}the tool time.now says: ${output}`;
    case 'notes.write':
      return `${label}done, it is kept in the notes. Ask "show my notes" to see it, also tomorrow.`;
    case 'notes.delete':
      return `${label}the note is gone.`;
    case 'notes.list':
      return `${label}the notes that are kept:\n${output}`;
    default:
      return `${label}the tool ${result.name} returned: ${output}`;
  }
}

/** A few words at a time, with nothing lost. */
function pieces(text: string): string[] {
  return text.match(/(?:\S+\s*|\s+){1,6}/g) ?? [];
}

function countCalls(messages: readonly ModelMessage[]): number {
  return messages
    .filter((message) => message.role === 'assistant')
    .flatMap((message) => message.content)
    .filter((part) => part.type === 'toolCall').length;
}

function countUsage(call: ModelCall, written: string): TokenUsage {
  let read = (call.system ?? '').length;
  for (const message of call.messages) {
    for (const part of message.content) {
      if (part.type === 'text') read += part.text.length;
      else if (part.type === 'toolCall') read += JSON.stringify(part.arguments).length;
      else if (part.type === 'toolResult') read += textOf(part.content).length;
    }
  }
  return {
    input: Math.ceil(read / 4),
    cachedInput: 0,
    cacheWrite: 0,
    output: Math.ceil(written.length / 4),
    reasoning: 0,
  };
}
