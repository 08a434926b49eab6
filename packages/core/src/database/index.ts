export * from './capacity.ts';
export * from './cursor.ts';
export * from './database.ts';
export * from './failures.ts';
export type { GatheringStatement } from './gather.ts';
export * from './migrate.ts';
export * from './statement.ts';
