/**
 * `widget.js`: the files of apps/api/widget, as they are, in one function. They are plain modules for editors and `tsc`;
 * browsers get them as one classic script, which any page can load, without a step that builds it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Each after what it uses. */
const files = [
  'words',
  'style',
  'elements',
  'icons',
  'store',
  'connection',
  'outbox',
  'view',
  'chat',
  'main',
];

const directory = new URL('../../widget/', import.meta.url);

export interface WidgetScript {
  text: string;
  gzipped: Buffer;
  /** As the ETag header has it. */
  etag: string;
}

/** Without what only modules have, at the beginning of lines, and without what is for readers of the source. */
const bare = (source: string) =>
  source
    .replaceAll(/^import (?:[^;\n]|\n(?!import ))*;\n/gm, '')
    .replaceAll(/^export /gm, '')
    .replaceAll(/^ *\/\*\*(?:(?!\*\/|\/\*\*)[\s\S])*\*\/\n/gm, '')
    .replaceAll(/^ *\/\/.*\n/gm, '')
    .replaceAll(/^ +/gm, '');

export function readWidgetScript(): WidgetScript {
  const parts = files.map((name) => bare(readFileSync(new URL(`${name}.js`, directory), 'utf8')));
  const text = `(() => {\n'use strict';\n${parts.join('\n')}\n})();\n`;
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return { text, gzipped: gzipSync(text, { level: 9 }), etag: `"${hash}"` };
}
