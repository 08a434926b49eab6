export * from './conversations.ts';
export { listConversations } from './list.ts';
