/** What the steps of a walk have in common. */
import type { Capabilities } from '@nightshift/channels';
import { expect, vi } from 'vitest';
import type { Client } from '../../support/api/index.ts';
import type { Receiver } from '../../support/channel/index.ts';
import type { ModelServer } from '../../support/model-server/index.ts';
import type { Manner, Place, Said, World } from './platforms/platform.ts';

export interface Product {
  owner: Client;
  world: World;
  /** Hears of channels that need attention. */
  told: Receiver;
}

export interface Walk extends Product {
  place: Place;
  /** Its own, so that what it is asked is of this channel. */
  models: ModelServer;
  capabilities: Capabilities;
  agentId: string;
  channel: { id: string; webhookUrl: string | null };
}

/** Looks until it holds: on a busy machine, with several walks at once, that takes a while. */
export const soon = (holds: () => unknown) => vi.waitFor(holds, { timeout: 60_000, interval: 50 });

/** Says something, and waits for the answer where it was said. */
export async function answered(
  { place, models }: Walk,
  question: string,
  text: string,
  how: Manner = {},
): Promise<Said> {
  models.script([{ text }]);
  const said = await place.say(question, how);
  await soon(() =>
    expect(place.shown().at(-1)).toMatchObject({
      text: expect.stringContaining(text),
      room: how.room ?? 'direct',
    }),
  );
  return said;
}

export const lastText = (place: Place) => place.shown().at(-1)?.text;

export const read = ({ owner, channel }: Walk) => owner.expect(200, owner.get(`/v1/channels/${channel.id}`));

export const traffic = ({ owner, channel }: Walk) =>
  owner.expect(200, owner.get(`/v1/channels/${channel.id}/traffic`));

export const timesTold = ({ told, channel }: Walk) =>
  told.received.filter(({ body }) => body.type === 'channel.attention' && body.data.channel.id === channel.id)
    .length;
