import type { DocumentErrorCode, DocumentTask } from '@nightshift/contracts/documents';

export interface Request {
  readonly task: DocumentTask;
  readonly options: object;
}

export type Answer = (
  | { readonly result: object }
  | { readonly error: { readonly code: DocumentErrorCode; readonly message: string } }
) & {
  /** Resident memory of the process afterwards, in bytes. */
  readonly rss: number;
};
