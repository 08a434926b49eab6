/**
 * The document port: what others have written (a mail today, files later) is parsed by whoever implements this, in a
 * process of its own and within limits, and never on the event loop of whoever asks.
 * docs/decisions/0011-documents-in-child-processes.md
 */

export interface DocumentReader {
  /**
   * Runs one task on the bytes of a document.
   * @throws {DocumentError}
   * @throws the signal's reason, when it aborts
   */
  read<Task extends DocumentTask>(
    task: Task,
    document: Uint8Array,
    options: DocumentTasks[Task]['options'],
    signal?: AbortSignal,
  ): Promise<DocumentTasks[Task]['result']>;
}

/**
 * What can be done with a document. Options and results are plain JSON, but for `data`, the bytes that a result may have.
 * Each result is bounded by its task.
 */
export interface DocumentTasks {
  /** The text of a mail (RFC 5322), and which files it has. */
  mail: { options: object; result: MailContent };
  /** One file of a mail, by its place in `MailContent.files`. */
  mailFile: { options: { index: number }; result: MailFileContent };
}
export type DocumentTask = keyof DocumentTasks;

export interface MailContent {
  /** As plain text: at most 400,000 UTF-16 units. */
  readonly text: string;
  /** The text was longer. */
  readonly isCut: boolean;
  /** At most 200. */
  readonly files: readonly MailFile[];
}

export interface MailFile {
  readonly name: string | null;
  readonly mediaType: string;
  readonly bytes: number;
}

export interface MailFileContent {
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/**
 * too_slow: reading took more time than a document may take · too_large: more memory, or more of something that is
 * counted · crashed: the reader ended, and did so again when it was tried again · unreadable: it is damaged, or no
 * document of its kind.
 */
export type DocumentErrorCode = 'too_slow' | 'too_large' | 'crashed' | 'unreadable';

/** A document could not be read. The message is a sentence for the people who wait for it. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly code: DocumentErrorCode;

  constructor(code: DocumentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
