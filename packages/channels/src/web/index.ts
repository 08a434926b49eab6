export { draftBlocks, messageBlocks } from './blocks.ts';
export { readUserToken, type User } from './user-token.ts';
export { newVisitorId, readVisitorToken, signVisitorToken, type Visitor } from './visitor-token.ts';
export { type Credentials as WebCredentials, type Settings as WebSettings, web } from './web.ts';
