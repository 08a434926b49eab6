import { describe, expect, it } from 'vitest';
import { readEnv } from './env.ts';

describe('readEnv', () => {
  it('is the server of this checkout by default', () => {
    const env = readEnv({});
    expect(env).toMatchObject({ url: 'http://127.0.0.1:3000', key: undefined, noColor: false });
    expect(env.dataDirectory).toBe(new URL('../../../data', import.meta.url).pathname);
  });

  it('takes the port of the server, and an address before it', () => {
    expect(readEnv({ PORT: '4000' }).url).toBe('http://127.0.0.1:4000');
    expect(readEnv({ PORT: '4000', NIGHTSHIFT_URL: 'https://agents.example/x/' }).url).toBe(
      'https://agents.example/x',
    );
  });

  it("prefers a caller's key to the owner's, and says where it is from", () => {
    const both = { NIGHTSHIFT_API_KEY: 'ns_a\n', NIGHTSHIFT_ADMIN_KEY: 'ns_b' };
    expect(readEnv(both).key).toEqual({ value: 'ns_a', source: 'NIGHTSHIFT_API_KEY' });
    expect(readEnv({ ...both, NIGHTSHIFT_API_KEY: '' }).key).toEqual({
      value: 'ns_b',
      source: 'NIGHTSHIFT_ADMIN_KEY',
    });
  });

  it.each([
    { PORT: 'x' },
    { PORT: '0', NIGHTSHIFT_DATA: '/nowhere' },
    { PORT: '70000' },
    { NIGHTSHIFT_URL: 'agents.example' },
    { NIGHTSHIFT_URL: 'ftp://x' },
  ])('refuses %o by the name of the variable', (source) => {
    expect(() => readEnv(source)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(Object.keys(source)[0]!) }),
    );
  });

  it('has no colour where none is wanted', () => {
    expect(readEnv({ NO_COLOR: '1' }).noColor).toBe(true);
    expect(readEnv({ TERM: 'dumb' }).noColor).toBe(true);
  });
});
