import type { DocumentReader } from '@nightshift/contracts';
import { type CallContext, ChannelError } from '../channel.ts';

/** @throws {ChannelError} retry: mails cannot be read here */
export function readerOf({ documents }: Pick<CallContext, 'documents'>): DocumentReader {
  if (!documents) throw new ChannelError('retry', 'No mails are read here.');
  return documents;
}
