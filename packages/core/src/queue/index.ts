export * from './migrate.ts';
export * from './queue.ts';
