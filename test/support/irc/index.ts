export * from './bot.ts';
export * from './ngircd.ts';
export * from './person.ts';
export * from './script-server.ts';
