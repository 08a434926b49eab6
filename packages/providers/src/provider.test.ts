import { expect, it } from 'vitest';
import { ModelError } from './provider.ts';

it('an error holds nothing that cannot be stored, whoever it quotes', () => {
  const error = new ModelError('server', 'It said: \0\ud83d', { requestId: 'req\0\udc00' });
  expect(error.message).toBe('It said: \ufffd');
  expect(error.requestId).toBe('req\ufffd');
});
