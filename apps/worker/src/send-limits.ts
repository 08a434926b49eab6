/** Which limits of the platform a message, or an edit, counts against. */
import type { OpenConnection } from '@nightshift/agent';
import type { SendRate } from '@nightshift/channels';
import type { Address } from '@nightshift/contracts';
import type { SendLimit } from '@nightshift/core/outbox';

export interface Sending {
  to: Address;
  direct: boolean;
  isEdit?: boolean;
  /** So many are left to what matters more. */
  spare?: number;
}

/** Empty: the platform has none, or says none. */
export function sendLimits(
  { adapter, channel }: Pick<OpenConnection, 'adapter' | 'channel'>,
  { to, direct, isEdit = false, spare = 0 }: Sending,
): SendLimit[] {
  const { rates } = adapter.capabilities;
  if (!rates || (isEdit && !rates.edits)) return [];
  const chat = rates.chat.map((field) => to[field] ?? '').join('/');
  const limit = (key: string, rate: SendRate | undefined): SendLimit[] =>
    rate
      ? [
          {
            key,
            everyMs: rate.perMs / rate.messages,
            burst: Math.max(1, (rate.burst ?? rate.messages) - spare),
          },
        ]
      : [];
  return [
    ...limit(`${channel.id}/${chat}`, direct ? rates.direct : rates.group),
    ...limit(channel.id, rates.connection),
  ];
}
