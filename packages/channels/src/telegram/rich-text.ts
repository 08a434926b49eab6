/** Messages of headings, lists and tables, as plain text: https://core.telegram.org/bots/api#richmessage */
import { maxInboundText } from '../inbound-text.ts';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (node: unknown): Fields =>
  typeof node === 'object' && node !== null && !Array.isArray(node) ? (node as Fields) : {};
const listOf = (node: unknown): readonly unknown[] => (Array.isArray(node) ? node : []);

/** A line for each block, a tab between the cells of a row. What a block is made of beside its words is left out. */
export const richText = (blocks: readonly unknown[]): string =>
  blocks.map(textOfBlock).filter(Boolean).join('\n').slice(0, maxInboundText).trim();

function textOfBlock(block: unknown): string {
  const { label, summary, text, expression, blocks, items, cells, caption, credit } = fieldsOf(block);
  const rows = listOf(cells).map((row) =>
    listOf(row)
      .map((cell) => textOfRun(fieldsOf(cell).text))
      .join('\t'),
  );
  const below = [...listOf(blocks), ...listOf(items)].map(textOfBlock);
  const words = [text ?? expression, caption, credit].map(textOfRun);
  const lines = [textOfRun(summary), ...words, ...below, ...rows].filter(Boolean).join('\n');
  return label === undefined ? lines : `${textOfRun(label)} ${lines}`;
}

/** A string, several runs, or one with a look of its own. */
function textOfRun(run: unknown): string {
  if (typeof run === 'string') return run;
  if (Array.isArray(run)) return run.map(textOfRun).join('');
  const { text, expression, alternative_text: alternative } = fieldsOf(run);
  return [text, expression, alternative].map((each) => (each === undefined ? '' : textOfRun(each))).join('');
}
