export { botEvents, scopes } from './scopes.ts';
export { createSlack, slack } from './slack.ts';
export { signature } from './verify.ts';
