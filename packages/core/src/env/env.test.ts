import { describe, expect, it } from 'vitest';
import { EnvError, loadEnv } from './env.ts';

const database = { DATABASE_URL: 'postgres://localhost/nightshift' };

describe('loadEnv', () => {
  it('needs only a database', () => {
    expect(loadEnv([], database)).toMatchObject({
      databaseUrl: database.DATABASE_URL,
      redisUrl: undefined,
      dataDirectory: './data',
      host: '127.0.0.1',
      port: 3000,
      logLevel: 'info',
      providerKeys: {},
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(
      loadEnv(['OPENAI_API_KEY'], { ...database, REDIS_URL: '', PORT: ' ', OPENAI_API_KEY: '' }),
    ).toMatchObject({
      redisUrl: undefined,
      port: 3000,
      providerKeys: {},
    });
  });

  it('gathers the model keys that it is asked for, trimmed, and no other variable', () => {
    const source = { ...database, OPENAI_API_KEY: ' sk-1\n', OTHER_API_KEY: 'sk-2' };
    expect(loadEnv(['OPENAI_API_KEY'], source).providerKeys).toEqual({ OPENAI_API_KEY: 'sk-1' });
  });

  it('takes the public URL without its trailing slashes', () => {
    expect(loadEnv([], { ...database, PUBLIC_URL: 'https://night.example//' }).publicUrl).toBe(
      'https://night.example',
    );
  });

  it('names every variable that is wrong, at once', () => {
    const wrong = { PORT: '70000', LOG_LEVEL: 'loud', REDIS_URL: 'http://x' };
    expect(() => loadEnv([], wrong)).toThrow(EnvError);
    expect(() => loadEnv([], wrong)).toThrow(/DATABASE_URL: is not set.*REDIS_URL.*PORT.*LOG_LEVEL/s);
  });

  it.each(['ns_short', 'sk_0123456789012345678901', 'ns_with blanks in it 0123456789'])(
    'refuses the admin key %j, and does not repeat it',
    (key) => {
      const load = () => loadEnv([], { ...database, NIGHTSHIFT_ADMIN_KEY: key });
      expect(load).toThrow(/NIGHTSHIFT_ADMIN_KEY: must be "ns_"/);
      expect(load).not.toThrow(key);
    },
  );
});
