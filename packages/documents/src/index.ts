export { type DocumentLimits, defaultLimits } from './limits.ts';
export {
  createDocumentReader,
  type DocumentReaderOptions,
  type DocumentReaderPool,
  type Reading,
} from './reader.ts';
