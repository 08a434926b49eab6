export * from './bootstrap.ts';
export * from './teams.ts';
