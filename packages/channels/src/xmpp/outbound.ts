/** What we say over XMPP. */
import { createHash } from 'node:crypto';
import { type Child, type Element, xml } from '@xmpp/client';
import {
  type Address,
  type CallContext,
  ChannelError,
  type Part,
  type SendContext,
  type SendReceipt,
} from '../channel.ts';
import { ns } from './connection.ts';
import type { Outlet } from './connector.ts';
import { notConnected, stanzaError } from './errors.ts';
import { bareOf } from './rooms.ts';
import { ping } from './session.ts';

const confirmMs = 10_000;

export async function send({ text }: Part, to: Address, context: SendContext): Promise<SendReceipt> {
  const id = idFor(context.idempotencyKey);
  await deliver(message(to, id, text), to, context);
  return { id };
}

/** https://xmpp.org/extensions/xep-0308.html: what is corrected is always the first one. */
export async function edit(
  { text }: Part,
  sent: SendReceipt,
  to: Address,
  context: CallContext,
): Promise<void> {
  const original = String(sent.id);
  const id = idFor(`${original}\n${text}`);
  await deliver(message(to, id, text, xml('replace', { xmlns: ns.correct, id: original })), to, context);
}

/** https://xmpp.org/extensions/xep-0085.html */
export async function typing(to: Address, context: CallContext): Promise<void> {
  const { session } = outletOf(context);
  const { stanza } = addressed(to);
  await session.client
    .send(
      stanza({}, xml('composing', { xmlns: ns.chatStates }), xml('no-store', { xmlns: 'urn:xmpp:hints' })),
    )
    .catch(() => {
      throw notConnected();
    });
}

/** https://xmpp.org/extensions/xep-0444.html */
export async function react(emoji: string, to: Address, context: CallContext): Promise<void> {
  if (!to.messageId) throw new ChannelError('gone', 'The message has no id by which it could be named.');
  const reaction = xml('reaction', {}, emoji);
  const { stanza } = addressed(to);
  const id = idFor(`${to.messageId}\n${emoji}`);
  await deliver(
    stanza(
      { id },
      xml('reactions', { xmlns: ns.reactions, id: to.messageId }, reaction),
      xml('store', { xmlns: 'urn:xmpp:hints' }),
    ),
    to,
    context,
  );
}

const idFor = (key: string) => createHash('sha256').update(key).digest('base64url').slice(0, 24);

function outletOf({ session }: CallContext): Outlet {
  if (!session) throw notConnected();
  return session as Outlet;
}

function addressed({ to = '', type = 'chat' }: Address) {
  if (!/^[^\s@/]+@[^\s/]+(\/[^\p{Cc}]+)?$/u.test(to))
    throw new ChannelError('rejected', 'It is no address of XMPP.');
  return {
    stanza: (attributes: Record<string, string>, ...children: Child[]) =>
      xml('message', { to, type, ...attributes }, ...children),
  };
}

function message(to: Address, id: string, text: string, ...more: Child[]): Element {
  const { stanza } = addressed(to);
  // XML has no control characters at all: the server would end the connection.
  const clean = text.toWellFormed().replace(/[^\P{Cc}\n\t]|[\ufffe\uffff]/gu, '');
  return stanza({ id }, xml('body', {}, clean), xml('active', { xmlns: ns.chatStates }), ...more);
}

/**
 * Sends a stanza and waits until the server has read it; in a room, until everybody there has it, which comes back to us.
 * @throws {ChannelError}
 */
async function deliver(stanza: Element, to: Address, context: CallContext): Promise<void> {
  const { session, rooms } = outletOf(context);
  const { signal } = context;
  const { client, domain, listen, gone } = session;
  const { id, type } = stanza.attrs;
  const room = bareOf(to.to ?? '');
  const absence = type === 'groupchat' ? rooms.absence(room) : null;
  if (absence) throw new ChannelError('rejected', `We are not in ${room}: ${absence}.`);
  if (client.status !== 'online') throw notConnected();
  const answer = Promise.withResolvers<void>();
  const stop = listen((came) => {
    if (came.name !== 'message' || came.attrs.id !== id || bareOf(came.attrs.from ?? '') !== room) return;
    if (came.attrs.type === 'error') answer.reject(stanzaError(came));
    else if (type === 'groupchat' && came.attrs.from === `${room}/${rooms.nickIn(room)}`) answer.resolve();
  });
  const uncertain = (why: string) => () => answer.reject(new ChannelError('ambiguous', why));
  const late = uncertain('The XMPP server did not say in time that it has the message.');
  signal.addEventListener('abort', late, { once: true });
  if (signal.aborted) late();
  const lost = uncertain('The connection to the XMPP server ended while it was being sent.');
  gone.addEventListener('abort', lost, { once: true });
  try {
    await Promise.race([client.send(stanza), answer.promise]);
    if (type !== 'groupchat') ping(client, domain, confirmMs).then(answer.resolve, late);
    await answer.promise;
  } catch (error) {
    if (error instanceof ChannelError) throw error;
    throw new ChannelError(
      'ambiguous',
      `The connection broke while it was being sent: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  } finally {
    stop();
    signal.removeEventListener('abort', late);
    gone.removeEventListener('abort', lost);
  }
}
