export * from './fake-teams.ts';
export * from './sign.ts';
export * from './world.ts';
