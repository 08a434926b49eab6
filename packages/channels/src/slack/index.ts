export { botEvents, scopes } from './scopes.ts';
export { slack } from './slack.ts';
export { signature } from './verify.ts';
