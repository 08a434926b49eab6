import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { deleteNote, listNotes, readNote, writeNote } from '@nightshift/core/notes';
import { type NoteStore, ToolError } from '@nightshift/tools';

/** One agent's notes, as its tools see them. */
export function noteStoreOf(db: Database, agentId: string): NoteStore {
  return {
    list: () => listNotes(db, agentId),
    read: (name) => readNote(db, agentId, name),
    delete: (name) => deleteNote(db, agentId, name),
    async write(name, text) {
      try {
        await writeNote(db, agentId, name, text);
      } catch (error) {
        // A quota is the model's to mend.
        throw error instanceof DomainError ? new ToolError(error.message, { cause: error }) : error;
      }
    },
  };
}
