/**
 * Microsoft Teams, for a message with `textFormat: "xml"`: the tags that its text messages show, without tables and
 * headings, https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages. A mention is an
 * `<at>` tag with an entity of the activity; text of a model makes neither, for `<` is escaped.
 */
import type { Root } from '../tree.ts';
import { renderHtml } from './html.ts';

export function renderTeams(root: Root): { text: string } {
  return {
    text: renderHtml(root, {
      tables: false,
      headings: false,
      struck: 'strike',
      classes: false,
      attributes: {},
    }),
  };
}
