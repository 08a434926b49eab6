export * from './openai-requests.ts';
export * from './result.ts';
