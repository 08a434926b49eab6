export * from './bot.ts';
export * from './person.ts';
export * from './prosody.ts';
