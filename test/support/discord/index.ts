export * from './fake-discord.ts';
export type { FakeGateway } from './gateway.ts';
export * from './world.ts';
