/** The agent's own memory aid: small named texts that it keeps between conversations. */
import { z } from 'zod';
import { defineTool, ToolError } from '../tool.ts';

const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\u0000-\u001f]+$/, 'must be one line')
  .describe('A short name, e.g. "shopping list".');

export const notesList = defineTool({
  name: 'notes.list',
  description: 'Lists your notes: names, sizes and when each was changed.',
  input: z.strictObject({}),
  effect: 'none',
  async execute(_input, { notes }) {
    const all = await notes.list();
    if (all.length === 0) return 'There are no notes.';
    return all
      .map((note) => `${note.name} (${note.size} characters, ${note.updatedAt.toISOString()})`)
      .join('\n');
  },
});

export const notesRead = defineTool({
  name: 'notes.read',
  description: 'Reads one of your notes.',
  input: z.strictObject({ name }),
  effect: 'none',
  async execute(input, { notes }) {
    const text = await notes.read(input.name);
    if (text === null)
      throw new ToolError(`There is no note named "${input.name}". notes.list shows all names.`);
    return text;
  },
});

export const notesWrite = defineTool({
  name: 'notes.write',
  description: 'Keeps a text under a name, in place of what was there. It outlives this conversation.',
  input: z.strictObject({ name, text: z.string().max(20_000).describe('The whole new text.') }),
  effect: 'idempotent',
  async execute(input, { notes }) {
    await notes.write(input.name, input.text);
    return `Kept as "${input.name}".`;
  },
});

export const notesDelete = defineTool({
  name: 'notes.delete',
  description: 'Deletes one of your notes.',
  input: z.strictObject({ name }),
  effect: 'idempotent',
  async execute(input, { notes }) {
    return (await notes.delete(input.name))
      ? `"${input.name}" is deleted.`
      : `There was no note named "${input.name}".`;
  },
});
