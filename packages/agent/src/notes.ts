import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { deleteNote, listNotes, readNote, writeNote } from '@nightshift/core/notes';
import type { ClaimedRun } from '@nightshift/core/runs';
import { type NoteStore, ToolError } from '@nightshift/tools';

/** The notes of a run, as its tools see them. */
export function noteStoreOf(db: Database, { agent, guest }: Pick<ClaimedRun, 'agent' | 'guest'>): NoteStore {
  const owner = { agentId: agent.id, guestId: guest?.id ?? null };
  return {
    list: () => listNotes(db, owner),
    read: (name) => readNote(db, owner, name),
    delete: (name) => deleteNote(db, owner, name),
    async write(name, text) {
      try {
        await writeNote(db, owner, name, text);
      } catch (error) {
        // A quota is the model's to mend.
        throw error instanceof DomainError ? new ToolError(error.message, { cause: error }) : error;
      }
    },
  };
}
