/**
 * `widget.js`: the files of apps/api/widget, as they are, in one function. They are plain modules for editors and `tsc`;
 * browsers get them as one classic script, which any page can load, without a step that builds it.
 */
import { readFileSync } from 'node:fs';
import { createStaticDocument, type StaticDocument } from '../static-document.ts';

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

/** Without what only modules have, at the beginning of lines, and without what is for readers of the source. */
const bare = (source: string) =>
  source
    .replaceAll(/^import (?:[^;\n]|\n(?!import ))*;\n/gm, '')
    .replaceAll(/^export /gm, '')
    .replaceAll(/^ *\/\*\*(?:(?!\*\/|\/\*\*)[\s\S])*\*\/\n/gm, '')
    .replaceAll(/^ *\/\/.*\n/gm, '')
    .replaceAll(/^ +/gm, '');

export function readWidgetScript(): StaticDocument {
  const parts = files.map((name) => bare(readFileSync(new URL(`${name}.js`, directory), 'utf8')));
  const text = `(() => {\n'use strict';\n${parts.join('\n')}\n})();\n`;
  return createStaticDocument('text/javascript; charset=utf-8', text);
}
