export { type Answer, type Client, createClient } from './client.ts';
export { type Product, startProduct, type Team } from './product.ts';
export * from './talk.ts';
