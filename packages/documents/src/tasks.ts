/**
 * What the reader's process can do. For another kind of document: its options and result in
 * `packages/contracts/src/documents.ts`, a function in a folder here, and a line below. Each is loaded when it is first
 * asked for, so a parser costs memory only where it is used.
 */
import type { DocumentTask, DocumentTasks } from '@nightshift/contracts/documents';

type Run<Task extends DocumentTask> = (
  document: Uint8Array,
  options: DocumentTasks[Task]['options'],
) => Promise<DocumentTasks[Task]['result']>;

export const tasks: { readonly [Task in DocumentTask]: () => Promise<Run<Task>> } = {
  mail: async () => (await import('./mail/content.ts')).readContent,
  mailFile: async () => (await import('./mail/file.ts')).readFile,
};
