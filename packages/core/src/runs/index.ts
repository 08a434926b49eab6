export * from './backlog.ts';
export * from './journal.ts';
export * from './lane.ts';
export * from './last-model.ts';
export * from './progress.ts';
export * from './runs.ts';
export * from './watch.ts';
