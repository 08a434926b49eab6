/** A mail, taken apart. */
import { DocumentError } from '@nightshift/contracts/documents';
import PostalMime, { type Email } from 'postal-mime';
import { mailLimits } from './limits.ts';

/** @throws {DocumentError} too_large @throws {Error} it is nested too deeply, or all headers */
export function parseMail(raw: Uint8Array): Promise<Email> {
  checkLines(raw);
  return PostalMime.parse(raw, {
    maxNestingDepth: mailLimits.nesting,
    maxRfc822NestingDepth: mailLimits.nestedMails,
    maxHeadersSize: mailLimits.headerBytes,
  });
}

const lineFeed = 0x0a;
const dash = 0x2d;

/** The parser makes several objects of each line and each part, however short it is. */
function checkLines(raw: Uint8Array): void {
  let lines = 0;
  let delimiters = 0;
  for (let at = raw.indexOf(lineFeed); at >= 0; at = raw.indexOf(lineFeed, at + 1)) {
    lines += 1;
    if (raw[at + 1] === dash && raw[at + 2] === dash) delimiters += 1;
  }
  if (lines > mailLimits.lines)
    throw new DocumentError('too_large', `It has more than ${mailLimits.lines} lines.`);
  if (delimiters > mailLimits.delimiters) throw new DocumentError('too_large', 'It has too many parts.');
}
