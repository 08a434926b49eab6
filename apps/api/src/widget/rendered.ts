/**
 * What was said, as blocks for a browser, made once for all who watch: a long answer takes a second of the processor, and
 * one visitor may open many streams. Kept as JSON, which needs less memory than the tree.
 */
import { draftBlocks, messageBlocks } from '@nightshift/channels/web';
import type { WidgetNode } from '@nightshift/contracts';

/** In UTF-16 code units of JSON. */
const mostKept = 8 * 1024 * 1024;

/** A draft is shown for so many times the time that it took, though its text has grown meanwhile. */
const draftShare = 4;
const mostDrafts = 100;

interface Draft {
  readonly text: string;
  readonly json: string;
  readonly until: number;
}

export interface Rendered {
  message(id: string, text: string): WidgetNode[];
  draft(runId: string, text: string): WidgetNode[];
}

/** @param render how messages and drafts become blocks. @param now milliseconds */
export function createRendered(
  render = { message: messageBlocks, draft: draftBlocks },
  now = () => performance.now(),
): Rendered {
  const messages = new Map<string, string>();
  const drafts = new Map<string, Draft>();
  let kept = 0;

  function keep(id: string, json: string): void {
    messages.set(id, json);
    kept += json.length;
    for (const [oldest, { length }] of messages) {
      if (kept <= mostKept) break;
      messages.delete(oldest);
      kept -= length;
    }
  }

  return {
    message(id, text) {
      const found = messages.get(id);
      if (found !== undefined) {
        // The ones that are asked for stay longest.
        messages.delete(id);
        messages.set(id, found);
        return JSON.parse(found);
      }
      const blocks = render.message(text);
      keep(id, JSON.stringify(blocks));
      return blocks;
    },
    draft(runId, text) {
      const last = drafts.get(runId);
      // Of another step it is another text.
      const isSame = last && (text.startsWith(last.text) || last.text.startsWith(text));
      if (isSame && (last.text.length === text.length || last.until > now())) return JSON.parse(last.json);
      const began = now();
      const blocks = render.draft(text);
      const ended = now();
      drafts.delete(runId);
      drafts.set(runId, {
        text,
        json: JSON.stringify(blocks),
        until: ended + draftShare * (ended - began),
      });
      const [oldest] = drafts.keys();
      if (drafts.size > mostDrafts && oldest !== undefined) drafts.delete(oldest);
      return blocks;
    },
  };
}
