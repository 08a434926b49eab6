export { signedHeaders } from './standard-webhooks.ts';
export { webhook } from './webhook.ts';
