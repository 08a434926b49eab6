/** What was last observed of a channel, for people. */
import type { Channel } from '@nightshift/contracts';
import { ago, duration } from './format.ts';
import { oneLine } from './text.ts';

/** In a word or two, for a list. */
export const stateNames: Readonly<Record<Channel['state']['status'], string>> = {
  never_connected: 'never connected',
  connecting: 'connecting',
  connected: 'connected',
  disconnected: 'disconnected',
  unattended: 'no worker',
  never_called: 'never called',
  receiving: 'receiving',
  refused: 'refused',
  paused: 'paused',
};

const bad = new Set<Channel['state']['status']>(['disconnected', 'refused', 'unattended']);

/** Nothing goes through it as it is. */
export const isBroken = ({ state }: Channel): boolean => bad.has(state.status);

/** In a sentence without its subject and its end. */
export function describeState(
  { state, createdAt }: Pick<Channel, 'state' | 'createdAt'>,
  now = Date.now(),
): string {
  const { status, since, error, nextTryAt, lastConnectedAt, lastVerifiedAt } = state;
  const why = error ? `: ${oneLine(error.message).replace(/\.$/, '')}` : '';
  const from = since ? ` since ${ago(since, now)}` : '';
  switch (status) {
    case 'connected':
      return `connected${from}`;
    case 'connecting':
      return `connecting${from}${error ? `; before${why}` : ''}`;
    case 'disconnected': {
      const wait = nextTryAt ? Date.parse(nextTryAt) - now : 0;
      const next = wait > 0 ? `next try in ${duration(wait)}` : 'trying again now';
      return `${lastConnectedAt ? 'disconnected' : 'not connected'}${from}${why}; ${next}`;
    }
    case 'unattended':
      return `no worker is connected to it${from}${error ? `; last error${why}` : ''}`;
    case 'never_connected':
      return 'no worker has connected to it yet';
    case 'refused':
      return `the platform refuses it${from}${why}`;
    case 'never_called':
      return `the platform has sent nothing yet since it was made ${ago(createdAt, now)}`;
    case 'receiving':
      return `heard from ${ago(lastVerifiedAt, now)}`;
    case 'paused':
      return 'paused: what comes in is dropped, what is to go out waits';
  }
}
