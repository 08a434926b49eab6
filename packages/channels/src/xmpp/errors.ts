/** What a server's errors mean for us: https://www.rfc-editor.org/rfc/rfc6120#section-8.3.3 for stanzas, 4.9.3 for streams, 6.5 for SASL. */
import type { Element } from '@xmpp/client';
import { ChannelError } from '../channel.ts';
import { ns } from './connection.ts';

export const notConnected = () =>
  new ChannelError('retry', 'There is no connection to the XMPP server at the moment.');

/** What the library throws: https://github.com/xmppjs/xmpp.js/tree/main/packages/error */
const named = (error: unknown) =>
  error as { name?: string; condition?: string; message?: string; code?: string };

const forNow = new Set(['temporary-auth-failure', 'aborted']);

/** Why the connection did not come to stand, or ended. */
export function connectionError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const { name, condition = '', message = 'no reason' } = named(error);
  if (name === 'SASLError' && !forNow.has(condition))
    return new ChannelError(
      'auth',
      condition === 'not-authorized'
        ? 'The XMPP server refuses the address or its password. Check both, and store them again.'
        : `The XMPP server does not log us in: ${message}.`,
      { cause: error },
    );
  if (condition === 'host-unknown' || condition === 'not-allowed')
    return new ChannelError('auth', `The XMPP server does not know this address: ${message}.`, {
      cause: error,
    });
  // Somebody else logs in as us under the same resource, and would be thrown out in turn.
  if (condition === 'conflict')
    return new ChannelError('retry', 'Another program has connected in our place to the XMPP server.', {
      cause: error,
      retryAfterMs: 30_000,
    });
  return new ChannelError('retry', `The connection to the XMPP server failed: ${message}.`, { cause: error });
}

const words: Readonly<Record<string, string>> = {
  'item-not-found': 'there is no such address',
  'service-unavailable': 'there is no such address, or nobody is there and the server keeps no messages',
  'recipient-unavailable': 'nobody is there now',
  'remote-server-not-found': 'their server is not there',
  'not-acceptable': 'we are not in this room',
  forbidden: 'we may not speak there. Ask an owner of the room for voice',
  'not-allowed': 'it is not allowed',
  'not-authorized': 'it is not allowed to us',
  'policy-violation': 'it is against the rules of the server',
  gone: 'the address has moved',
};

const later = new Set([
  'internal-server-error',
  'remote-server-timeout',
  'resource-constraint',
  'unexpected-request',
]);

/** @param stanza of type `error`, in answer to what we sent */
export function stanzaError(stanza: Element): ChannelError {
  const error = stanza.getChild('error');
  const condition = error?.getChildElements().find((child) => child.name !== 'text')?.name ?? 'unknown';
  const said = error?.getChildText('text', ns.stanzas);
  const waits = error?.attrs.type === 'wait' || later.has(condition);
  return new ChannelError(
    waits ? 'retry' : 'rejected',
    `The XMPP server answered ${condition}: ${words[condition] ?? said ?? 'it does not say why'}.`,
    waits ? { retryAfterMs: 30_000, pauses: 'thread' } : {},
  );
}

/** Why a room does not let us in: https://xmpp.org/extensions/xep-0045.html#enter */
export const refusedEntries: Readonly<Record<string, string>> = {
  'not-authorized': 'it asks for a password. Write it behind its address in the settings',
  forbidden: 'we are banned from it',
  'item-not-found': 'there is no such room, and we may not make one',
  'not-allowed': 'there is no such room, and we may not make one',
  'not-acceptable': 'it asks for another nick',
  'registration-required': 'it is for members only. Have an owner add our address',
  conflict: 'our nick is taken there. Choose another one in the settings',
  'service-unavailable': 'it is full',
  'remote-server-not-found': 'its server is not there',
};
