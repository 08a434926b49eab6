import { Conversation, ConversationListQuery, Message, PageQuery, pageOf } from '@nightshift/contracts';
import { getConversation, listConversations, listMessages } from '@nightshift/core/conversations';
import { errors, paramsOf, type Routes } from './types.ts';

const Params = paramsOf('conversation');

export const conversationRoutes: Routes = async (app, { deps: { db } }) => {
  app.get(
    '/v1/conversations',
    {
      schema: {
        tags: ['conversations'],
        summary: 'List conversations, newest first',
        querystring: ConversationListQuery,
        response: { 200: pageOf(Conversation), ...errors },
      },
    },
    (request) => listConversations(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/conversations/:id',
    {
      schema: {
        tags: ['conversations'],
        summary: 'Read a conversation',
        params: Params,
        response: { 200: Conversation, ...errors },
      },
    },
    (request) => getConversation(db, request.caller.teamId, request.params.id),
  );

  app.get(
    '/v1/conversations/:id/messages',
    {
      schema: {
        tags: ['conversations'],
        summary: 'Read what was said, newest first',
        params: Params,
        querystring: PageQuery,
        response: { 200: pageOf(Message), ...errors },
      },
    },
    (request) => listMessages(db, request.caller.teamId, request.params.id, request.query),
  );
};
