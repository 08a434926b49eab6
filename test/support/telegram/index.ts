export { refusal } from './refusal.ts';
export { ann, type FakeTelegram, startTelegram, type TelegramOptions } from './server.ts';
