/** What the worst texts that we know of cost: messages of strangers on their way in, answers on their way out. */
import { builtInAdapters, renderMessage } from '@nightshift/channels';
import { messageBlocks } from '@nightshift/channels/web';
import { calledAgent } from '@nightshift/core/channels';
import { shapes } from '../test/support/markdown/shapes.ts';
import type { Bench, Figure } from './lib/bench.ts';

/** In UTF-16 code units. The longest text that is read as Markdown has 131,072. */
const lengths = [64 * 1024, 128 * 1024];

/** Of the text that took longest, the fastest counts. */
const runs = 3;

interface Work {
  id: string;
  label: string;
  run(text: string): unknown;
}

export const text: Bench = {
  name: 'text',
  about:
    'the worst texts: an answer of 64 Ki and 128 Ki characters in each dialect, a message of 200,000 at its routes',
  against: 'Every shape of test/support/markdown/shapes.ts, alone in this process; the slowest one is named.',
  async run({ log }) {
    const figures = [routing()];
    for (const work of await works()) {
      log(`${work.label} …`);
      for (const length of lengths) figures.push(slowest(work, length));
    }
    return figures;
  },
};

async function works(): Promise<Work[]> {
  const adapters = await Promise.all(
    builtInAdapters.kinds.map(
      async (kind) => [kind, (await builtInAdapters.load(kind))!.capabilities] as const,
    ),
  );
  /** Of each dialect the first kind that speaks it. */
  const speakers = new Map(adapters.toReversed().map((adapter) => [adapter[1].dialect, adapter]));
  return [
    { id: 'blocks', label: 'for the web chat', run: messageBlocks },
    ...speakers.values().map(([kind, capabilities]) => ({
      id: kind,
      label: `as messages, ${kind}`,
      run: (text: string) => renderMessage(text, capabilities),
    })),
  ];
}

function slowest({ id, label, run }: Work, length: number): Figure {
  const [name, textOf] = shapes
    .map(([shape, of]) => [shape, of, timed(() => run(of(length)))] as const)
    .reduce((worst, each) => (each[2] > worst[2] ? each : worst));
  const value = fastest(() => run(textOf(length)));
  const size = `${length / 1024}k`;
  return { id: `text.${id}.${size}`, label: `${label}, ${size}: ${name}`, value, unit: 'ms' };
}

/** 100 routes with a keyword, and one word of dots. */
function routing(): Figure {
  const routes = Array.from({ length: 100 }, (_, index) => ({
    when: { keyword: `agent-${index}` },
    agentId: '01900000-0000-7000-8000-000000000000',
  }));
  const message = { workspace: null, group: null, person: 'ann', text: '.'.repeat(200_000) };
  const value = fastest(() => calledAgent(routes, message));
  return { id: 'text.routing.200k', label: 'looking for a keyword among 200,000 dots', value, unit: 'ms' };
}

const fastest = (work: () => unknown): number => Math.min(...Array.from({ length: runs }, () => timed(work)));

function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
