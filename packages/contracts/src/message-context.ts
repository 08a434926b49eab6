/** What a message of a channel came with besides its content, as it is stored with the message (`message.context`). */
import type { Place, QuotedMessage } from './inbound.ts';

/** A message that was not addressed to the agent, shown with the next one that is. */
export interface RoomLine {
  /** The platform's id, by which an edit or a deletion finds it; null: the platform gives none. */
  readonly ref: string | null;
  readonly name: string | null;
  readonly text: string;
}

export interface MessageContext {
  /** As the sender was called when they wrote it; null: the platform does not say. */
  readonly sender?: { readonly name: string | null };
  readonly where?: Place;
  readonly quoted?: QuotedMessage;
  readonly forwarded?: { readonly from: string | null };
  readonly addressees?: { readonly to: readonly string[]; readonly cc: readonly string[] };
  readonly unsupported?: readonly string[];
  /** What was said in the room since the conversation's last message, oldest first. */
  readonly before?: readonly RoomLine[];
  /** The sender changed it (`text`) or took it back (null) after the agent had read it. */
  readonly amended?: { readonly at: string; readonly text: string | null };
  /**
   * It follows an earlier message of the sender, which the agent had read. `edited`: it replaces that message, which began
   * with `text`. `deleted`: it says that the message was taken back. `files`: it brings files of that message.
   */
  readonly amends?: {
    readonly how: 'edited' | 'deleted' | 'files';
    readonly messageId: string;
    readonly text: string;
  };
}

/** Bounds of what is kept, in UTF-16 units or items. */
export const contextLimits = {
  name: 200,
  quote: 1_000,
  addressees: 20,
  addressee: 320,
  unsupported: 10,
  kind: 40,
  id: 200,
} as const;
