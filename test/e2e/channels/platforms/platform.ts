/** What a walk needs of a platform: its stand-in, and what people do there. */
import type { RawRequest } from '@nightshift/channels';

export interface Platform {
  readonly name: string;
  start(world: World): Promise<Place>;
}

/** The product as the internet sees it. */
export interface World {
  /** Where a public address of the product leads to on this machine. */
  reach(url: string): string;
  /** Sends what a platform has signed to the address that it was signed for. */
  push(request: RawRequest): Promise<Response>;
}

export type Room = 'direct' | 'group';

export interface Place {
  /** What a channel to it is made of, as its owner enters it. */
  readonly channel: { kind: string; credentials: object; settings: object };
  /** Credentials of the right shape, which the platform refuses. */
  readonly wrongCredentials: object;
  /** Our name there, as a test of the channel finds it. */
  readonly account: string;
  /** The answer of the walk as the platform is to receive it. */
  readonly formatted: object;
  /** It has rooms where others read along. */
  readonly hasGroups: boolean;
  /** Where the owner enters the channel's address at the platform by hand. */
  enter?(webhookUrl: string): void;
  /** Ann writes. Resolves once the platform has heard that it arrived, or has it in its queue. */
  say(text: string, how?: Manner): Promise<Said>;
  /** Something happens there that says nothing to us: a kind of event that is not known. Resolves as `say` does. */
  stir(): Promise<void>;
  /** Our messages as they stand, oldest first. */
  shown(): Shown[];
  /** How often a message of ours was changed, and how often we were shown as writing. */
  counts(): { edits: number; typing: number };
  /** No longer takes our credentials. */
  revoke(): void;
  /** @returns credentials that it takes from now on */
  renew(): object;
  close(): Promise<void>;
}

export interface Manner {
  /** Default: direct. */
  room?: Room;
  /** Names us, as the platform marks it. */
  mention?: boolean;
  /** A picture, PNG. */
  file?: Buffer;
}

export interface Said {
  /** The platform delivers the same event once more. */
  again(): Promise<void>;
  edit?(text: string): Promise<void>;
  remove?(): Promise<void>;
}

export interface Shown {
  text: string;
  room: Room;
  file?: { name: string; data: Buffer };
}
