import { z } from 'zod';
import { notesDelete, notesList, notesRead, notesWrite } from './notes/notes.ts';
import { schedulesCreate, schedulesDelete, schedulesList, schedulesUpdate } from './schedules/schedules.ts';
import { timeNow } from './time/now.ts';
import type { Tool } from './tool.ts';

/** Every built-in tool. */
export const builtInTools: readonly Tool[] = [
  timeNow,
  notesList,
  notesRead,
  notesWrite,
  notesDelete,
  schedulesCreate,
  schedulesList,
  schedulesUpdate,
  schedulesDelete,
];

/** The JSON Schema of a tool's input, as models and the catalogue are given it. */
export function parametersOf(tool: Tool): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(tool.input, { io: 'input' });
  return schema;
}
