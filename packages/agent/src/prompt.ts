/** What a model is shown: the agent's instructions, the conversation, and this run so far. */
import { type ModelMessage, type RunOptions, type ToolSpec, textOf } from '@nightshift/contracts';
import type { RunGuest, RunPlace } from '@nightshift/core/runs';
import type { ModelCall } from '@nightshift/providers';
import { parametersOf, type Tool } from '@nightshift/tools';
import { formatRule, outputOf } from './answer-format.ts';
import { type ShownMessage, userPartsOf } from './attachments.ts';
import { describePlaceLimits, type PlaceLimits } from './place-limits.ts';
import { placeSection, withoutSigns } from './speakers.ts';

/** The tools that an agent's policy leaves it, and of these what it may use for a guest. */
export function allowedTools(
  tools: readonly Tool[],
  policy: Readonly<Record<string, 'allow' | 'block'>>,
  guest: RunGuest | null,
): Tool[] {
  const mayUse = ({ name, guests }: Tool) => guest === null || guests === true || guest.tools.includes(name);
  return tools.filter((tool) => policy[tool.name] !== 'block' && mayUse(tool));
}

const specs = new WeakMap<Tool, ToolSpec>();

function specOf(tool: Tool): ToolSpec {
  let spec = specs.get(tool);
  if (!spec) {
    spec = { name: tool.name, description: tool.description, parameters: parametersOf(tool) };
    specs.set(tool, spec);
  }
  return spec;
}

export function buildCall(input: {
  agent: { name: string; instructions: string };
  /** Where the conversation is held, and with whom where it is with one person. Absent: over the API. */
  held?: { place: RunPlace; person: string | null } | undefined;
  summary: string | null;
  before: readonly Pick<ShownMessage, 'role' | 'content'>[];
  run: readonly ModelMessage[];
  tools: readonly Tool[];
  placeLimits?: PlaceLimits | null;
  options?: RunOptions;
}): Omit<ModelCall, 'model'> {
  const { agent, held, before, run, tools, placeLimits = null, options = {} } = input;
  const summary = held && input.summary !== null ? withoutSigns(input.summary) : input.summary;
  // System texts of the conversation come from its client (the OpenAI door) and add to the agent's own.
  const system = [
    `You are "${agent.name}".`,
    agent.instructions,
    held ? placeSection(held.place, held.person) : '',
    ...before.filter(({ role }) => role === 'system').map(({ content }) => textOf(content)),
    describePlaceLimits(placeLimits) ?? '',
    formatRule(options.format),
  ]
    .filter((text) => text.trim())
    .join('\n\n');
  return {
    system,
    messages: [...earlier(summary), ...conversationOf(before), ...(held ? run.map(withoutForgedLines) : run)],
    tools: tools.map(specOf),
    ...outputOf(options.format),
    ...(options.maxOutputTokens === undefined ? {} : { maxOutputTokens: options.maxOutputTokens }),
  };
}

/** What tools bring is written by anybody: it holds no line of ours either. */
function withoutForgedLines(message: ModelMessage): ModelMessage {
  if (message.role !== 'tool') return message;
  const content = message.content.map((result) => ({
    ...result,
    content: result.content.map((part) =>
      part.type === 'text' ? { ...part, text: withoutSigns(part.text) } : part,
    ),
  }));
  return { ...message, content };
}

/** Messages as a model reads them: system texts are no part of the conversation. */
export function conversationOf(messages: readonly Pick<ShownMessage, 'role' | 'content'>[]): ModelMessage[] {
  return messages.flatMap(({ role, content }): ModelMessage[] => {
    if (role === 'system') return [];
    const results = content.filter((part) => part.type === 'toolResult');
    if (results.length > 0) return [{ role: 'tool', content: results }];
    if (role === 'user') return [{ role, content: userPartsOf(content) }];
    return [{ role, content: content.filter((part) => part.type === 'text' || part.type === 'toolCall') }];
  });
}

/** Said by a user rather than by the system: it is made of what people said, and may command no more than they may. */
function earlier(summary: string | null): ModelMessage[] {
  if (summary === null) return [];
  const text = `[What was said before in this conversation, in short]\n\n${summary}`;
  return [{ role: 'user', content: [{ type: 'text', text }] }];
}
