export * from './conversations.ts';
export * from './history-summaries.ts';
export { listConversations } from './list.ts';
