export * from './fake-whatsapp.ts';
export * from './payloads.ts';
