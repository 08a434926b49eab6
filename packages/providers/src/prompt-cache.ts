/** Keys that route calls which begin alike to the machine that still has the beginning. */
import { createHash } from 'node:crypto';

/** https://platform.openai.com/docs/guides/prompt-caching: at most 64 characters. */
const MAX_LENGTH = 64;

export function cacheKeyOf(key: string): string {
  return key.length <= MAX_LENGTH ? key : createHash('sha256').update(key).digest('hex');
}
