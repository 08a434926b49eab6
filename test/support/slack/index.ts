export { callback, posted } from './events.ts';
export { type FakeSlack, startFakeSlack, tokens } from './fake-slack.ts';
export { signRequest } from './sign.ts';
export { bot, channels, newTs, team } from './workspace.ts';
