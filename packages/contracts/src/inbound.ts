/**
 * What happened on a chat platform, in words that no platform owns. Channel adapters make these of a platform's bytes;
 * the inbox turns them into conversations, messages and runs.
 */

/** Where in a platform: the ids that it needs, by the platform's own names. The newest one is kept with the conversation. */
export type Address = Readonly<Record<string, string>>;

export interface Sender {
  /** The platform's own id, which stays when the person is renamed. */
  readonly id: string;
  /**
   * What the id proves. `account`: the platform vouches that nobody else can send under it. `name`: whoever likes to can,
   * such as a nick of a room; its holder is never approved, paired, or taken for a person who is known.
   */
  readonly identity: 'account' | 'name';
  /**
   * Where they come from, as far as they cannot choose it freely: a mail domain, a server, the country of a number. What
   * strangers cost is shared out between places. Absent: the platform has no such thing, or the event's `workspace` is it.
   */
  readonly place?: string | null;
  /** What somebody with no more than a name can do to be known, in words for them. Absent: nothing, and they hear nothing. */
  readonly advice?: string;
  readonly name: string | null;
  /** A program, though not this one. */
  readonly isBot: boolean;
  /**
   * Whoever relays it answers for it: it says alike things quickly and often, such as a monitor, and is no loop. Never from
   * what somebody on a platform can say of themselves.
   */
  readonly mayRepeat?: boolean;
  /** This connection itself: what it said comes back to it on many platforms. */
  readonly isSelf: boolean;
}

/** Something that came with a message. Its bytes are fetched later, by whoever works on the message. */
export interface InboundAttachment {
  readonly name: string;
  /** As the platform says it; a guess where it says nothing. */
  readonly mediaType: string;
  /** Null: the platform does not say. */
  readonly bytes: number | null;
  /** What the adapter's `download` needs to find it. It is stored, so it holds no secret. */
  readonly source: Address;
}

interface EventBase {
  /**
   * The platform's own name of what happened, the same whenever it is delivered again, at any retry and through any
   * subscription: of a message, the message's place and id rather than the delivery's.
   */
  readonly externalId: string;
}

/** Where something was said, for people and for the model. Ids stay in `Address`. */
export interface Place {
  /**
   * `direct`: between one person and us. `group`: a closed circle of people. `channel`: a room that people join.
   * `thread`: below a message of a room. `topic`: a standing part of a group, such as a topic of a forum. `mail`: an e-mail conversation.
   */
  readonly kind: 'direct' | 'group' | 'channel' | 'thread' | 'topic' | 'mail';
  /** What people call it: `#sales`, a group's title; of a thread, the room's. Null: the platform does not say. */
  readonly name: string | null;
}

/** An earlier message that a message answers or quotes. */
export interface QuotedMessage {
  /** The platform's id of it; null: the platform does not say. */
  readonly messageId: string | null;
  /** Who wrote it; null: the platform does not say. */
  readonly author: { readonly name: string | null; readonly isSelf: boolean } | null;
  /** Its words, as far as the event carries them; blank: only that there is one is known. */
  readonly text: string;
}

interface PlacedEvent extends EventBase {
  /** Where an answer goes. */
  readonly thread: Address;
  /** Tells threads of one channel apart: what of `thread` names the conversation. */
  readonly threadKey: string;
  /** Between one person and us; otherwise others read along. */
  readonly direct: boolean;
  /** The room, and the workspace, server or tenant around it, where the platform has such: for routing and allow-lists. */
  readonly group?: string | null;
  readonly workspace?: string | null;
  /** Absent: `direct` tells its kind, and it has no name. */
  readonly where?: Place;
  readonly sender: Sender;
}

export interface MessageEvent extends PlacedEvent {
  readonly type: 'message';
  /** The platform's id of the message, by which an edit or a deletion names it later. */
  readonly messageId?: string;
  readonly text: string;
  /**
   * It mentions us, or answers to us, as the platform's own structure says it; never by searching the text. In a direct
   * conversation it makes no difference.
   */
  readonly addressed: boolean;
  /** It mentions people other than us by the platform's own structure: in a thread of ours it is theirs, not ours. */
  readonly mentionsOthers?: boolean;
  readonly quoted?: QuotedMessage;
  /** The sender passes on what somebody else wrote: its words are not the sender's. `from`: who wrote it, where known. */
  readonly forwarded?: { readonly from: string | null };
  /** Of a mail, as its headers say: `Ann <ann@example.org>`. */
  readonly addressees?: { readonly to: readonly string[]; readonly cc: readonly string[] };
  /**
   * What came with it that nobody here can read, by its kind in English: `poll`, `sticker`, `encrypted message`. A message
   * that holds nothing else is answered by one sentence instead of by the agent.
   */
  readonly unsupported?: readonly string[];
  readonly attachments?: readonly InboundAttachment[];
  /**
   * Messages of a thread with the same album are one, which the platform delivers in pieces within about a second: the
   * words and the mention are on one of them, a file on each.
   */
  readonly album?: string;
}

/** Somebody changed what they had said. */
export interface EditedEvent extends PlacedEvent {
  readonly type: 'edited';
  readonly messageId: string;
  readonly text: string;
}

/** Somebody took back what they had said. Many platforms do not say who. */
export interface DeletedEvent extends EventBase {
  readonly type: 'deleted';
  readonly messageId: string;
}

/** Somebody pressed a button of ours. It counts as if they had said its value. */
export interface ActionEvent extends PlacedEvent {
  readonly type: 'action';
  readonly value: string;
}

/** Something of ours did not arrive, which the platform found out after it had taken it. */
export interface UndeliveredEvent extends EventBase {
  readonly type: 'undelivered';
  /** The field of the receipt that names it, as `send` returned it: `{ id: 'wamid.…' }`. */
  readonly sent: Address;
  /** Why, for people; the code is the platform's own, or `undelivered`. */
  readonly reason: { readonly code: string; readonly message: string };
}

/** Something that has no meaning for a conversation: acknowledged, counted and dropped. */
export interface IgnoredEvent extends EventBase {
  readonly type: 'ignored';
  /** The platform's name of it, for the counters: `reaction_added`. */
  readonly what: string;
  /** It was a message to us that could not be read: it is counted as such, and the team is told. */
  readonly unreadable?: Unreadable;
}

/** A message that was passed over, since it cannot be read. */
export interface Unreadable {
  /** Few: too_slow, too_large, crashed, unreadable, or fatal where it ends the server. */
  readonly code: string;
  /** Why, for people. */
  readonly message: string;
  /** As the message claims it; null: nobody looked. */
  readonly from: string | null;
  readonly subject: string | null;
}

export type InboundEvent =
  | MessageEvent
  | EditedEvent
  | DeletedEvent
  | ActionEvent
  | UndeliveredEvent
  | IgnoredEvent;
