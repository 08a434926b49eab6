export * from './conversations.ts';
export * from './history-summaries.ts';
