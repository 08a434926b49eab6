/** HTML as plain text. */
import { convert, type HtmlToTextOptions } from 'html-to-text';
import { htmlLimits } from './limits.ts';

const options: HtmlToTextOptions = {
  wordwrap: false,
  limits: { maxDepth: htmlLimits.depth, maxChildNodes: htmlLimits.children },
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
      selector,
      options: { uppercase: false },
    })),
    { selector: 'ul', options: { itemPrefix: '- ' } },
    { selector: 'table', format: 'block' },
    { selector: 'td', format: 'inline' },
  ],
};

export function htmlToText(html: string): { text: string; isCut: boolean } {
  if (html.trim() === '') return { text: '', isCut: false };
  const end = Math.min(htmlLimits.length, startOfTag(html, htmlLimits.tags));
  return { text: convert(html.slice(0, end), options), isCut: end < html.length };
}

/** Where the n-th tag begins, from zero; else the length. */
function startOfTag(html: string, n: number): number {
  let at = -1;
  for (let tag = 0; tag <= n; tag += 1) {
    at = html.indexOf('<', at + 1);
    if (at < 0) return html.length;
  }
  return at;
}
