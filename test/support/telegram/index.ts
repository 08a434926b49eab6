export { refusal } from './refusal.ts';
export { type FakeTelegram, startTelegram, type TelegramOptions } from './server.ts';
