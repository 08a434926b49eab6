export * from './capacity.ts';
export * from './cursor.ts';
export * from './database.ts';
export * from './migrate.ts';
