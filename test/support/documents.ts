import {
  createDocumentReader,
  type DocumentReaderOptions,
  type DocumentReaderPool,
} from '@nightshift/documents';

/** What reads documents in the product, with processes of its own. */
export const startDocuments = (options: DocumentReaderOptions = {}): DocumentReaderPool =>
  createDocumentReader(options);
