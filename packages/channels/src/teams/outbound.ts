/** What we say in Teams: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#conversation-operations */
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import {
  type Address,
  type CallContext,
  ChannelError,
  type ChannelErrorKind,
  type Part,
  type SendReceipt,
} from '../channel.ts';
import { parseAnswer, readExcerpt, toChannelError } from '../http.ts';
import { toCard } from './cards.ts';
import { addressOf, isConnector, type TeamsConnection } from './connection.ts';
import { toFailure } from './errors.ts';
import type { TokenStore } from './tokens.ts';

const ResourceResponse = z.object({ id: z.string().min(1) });
const maxBytes = 64 * 1024;

interface ConnectorRequest {
  method: 'POST' | 'PUT';
  to: Address;
  /** Below the conversation. */
  path: string;
  activity: object;
  absent?: ChannelErrorKind;
}

export function createOutbound(tokens: TokenStore) {
  /** @returns the answer's JSON; undefined when it is none */
  async function call(
    { method, to, path, activity, absent = 'rejected' }: ConnectorRequest,
    connection: TeamsConnection,
    context: CallContext,
  ): Promise<unknown> {
    const { conversationId } = to;
    const url = `${connectorOf(to, connection)}/v3/conversations/${encodeURIComponent(conversationId ?? '')}`;
    const token = await tokens.get(connection, context);
    const body = new TextEncoder().encode(JSON.stringify(activity));
    try {
      const response = await context.fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token.value}`,
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(body.length),
          'user-agent': 'Nightshift',
        },
        body,
        signal: context.signal,
      });
      const text = await readExcerpt(response, maxBytes);
      if (response.ok) return parseAnswer(text);
      if (response.status !== 401) throw toFailure(response, text, absent);
      // The token may have been withdrawn before its time. A new one says whether the app was.
      tokens.forget(connection);
      if (token.isNew) throw toFailure(response, text, absent);
      throw new ChannelError('retry', 'Teams no longer takes the token; the next attempt has a new one.');
    } catch (error) {
      throw toChannelError(error);
    }
  }

  return {
    async send(
      part: Part,
      to: Address,
      connection: TeamsConnection,
      context: CallContext,
    ): Promise<SendReceipt> {
      const activity = toActivity(part, to);
      const json = await call({ method: 'POST', to, path: '/activities', activity }, connection, context);
      const sent = ResourceResponse.safeParse(json);
      if (sent.success) return { activityId: sent.data.id };
      throw new ChannelError('ambiguous', 'Teams took the message, and its answer cannot be read.');
    },

    async edit(
      part: Part,
      { activityId }: SendReceipt,
      to: Address,
      connection: TeamsConnection,
      context: CallContext,
    ): Promise<void> {
      if (!activityId) throw new ChannelError('gone', 'It is not known which message it is.');
      const id = String(activityId);
      const activity = { id, ...toActivity(part, to) };
      const path = `/activities/${encodeURIComponent(id)}`;
      await call({ method: 'PUT', to, path, activity, absent: 'gone' }, connection, context);
    },

    async typing(to: Address, connection: TeamsConnection, context: CallContext): Promise<void> {
      await call(
        { method: 'POST', to, path: '/activities', activity: { type: 'typing' } },
        connection,
        context,
      );
    },
  };
}

/** The conversation of an answer in a channel is its thread already. */
const toActivity = ({ text, buttons }: Part, { activityId }: Address) => ({
  type: 'message',
  ...(buttons?.length ? { attachments: [toCard(text, buttons)] } : { text, textFormat: 'xml' }),
  ...(activityId && { replyToId: activityId }),
});

/** Where the newest message of the conversation came from. Our token goes to nobody but a connector. */
function connectorOf({ serviceUrl, conversationId }: Address, { settings }: TeamsConnection): string {
  if (!isConnector(serviceUrl, settings) || !conversationId)
    throw new ChannelError('rejected', 'The address is not one of Teams.');
  return trimEndOf(addressOf(serviceUrl, settings), '/');
}
