/** Where a schedule's answers go, from what people write to what is stored. */
import { directLineOf, mainLineOf } from '@nightshift/channels';
import type { DeliverTo, KnownPlace, Named } from '@nightshift/contracts';
import { choosePlace, readPlaces } from '@nightshift/core/channels';
import type { Database } from '@nightshift/core/database';
import { DomainError, invalidField } from '@nightshift/core/errors';
import type { Delivery } from '@nightshift/core/schedules';

export const placeRules = { mainLineOf, directLineOf };

const maxCandidates = 20;

/** @throws {DomainError} invalid_request: there is no such channel or place, or several are called so */
export async function resolveDelivery<Absent extends null | undefined>(
  db: Database,
  teamId: string,
  deliverTo: DeliverTo | Absent,
): Promise<Delivery | Absent> {
  if (!deliverTo || 'conversationId' in deliverTo) return deliverTo;
  const { channel: channelId, place: wanted } = deliverTo;
  const places = await readPlaces(db, teamId, channelId, placeRules).catch((error) => {
    const isGone = error instanceof DomainError && error.code === 'not_found';
    throw isGone ? invalidField('deliverTo.channel', 'there is no such channel') : error;
  });
  const choice = choosePlace(places, wanted);
  if ('place' in choice) {
    const { thread, threadKey, direct, kind, name, address } = choice.place;
    return { channelId, thread, threadKey, direct, place: { kind, name, address } };
  }
  const candidates = choice.candidates.slice(0, maxCandidates).map(toNamed);
  const list = candidates.map(({ id, name }) => (name === id ? id : `${name} (${id})`)).join(', ');
  const rest = choice.candidates.length > maxCandidates ? ', …' : '';
  const message = choice.several
    ? `"${wanted}" means several places: ${list}${rest}. Give the address in brackets.`
    : places.length === 0
      ? `the channel knows no place yet: write to the agent there first`
      : `the channel knows no place "${wanted}". It knows: ${list}${rest}`;
  throw new DomainError('invalid_request', `deliverTo.place: ${message}`, {
    fields: [{ path: 'deliverTo.place', message }],
    candidates,
  });
}

const toNamed = ({ address, name, people }: KnownPlace): Named => ({
  id: address,
  name: name ?? people[0]?.name ?? address,
});
