import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const key = 'sk-proj-Zm9vYmFyYmF6cXV4-0123456789_abcdEFGH';

it('writes no secret that it was told of, in whichever field, message or stack it is', () => {
  const module = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
  const code = `
    import { createRedactor } from ${module('../../../contracts/src/redact.ts')};
    import { createLog } from ${module('./log.ts')};
    const key = ${JSON.stringify(key)};
    const redactor = createRedactor();
    const log = createLog('test', 'info', redactor);
    redactor.learn(key);
    log.info({ a: { b: { c: key } } }, 'deep ' + key);
    log.child({ key2: Buffer.from(key).toString('base64') }).warn('%s', key);
    log.error({ err: new Error('GET https://x.example/?k=' + encodeURIComponent(key), { cause: new Error(key) }) }, 'x');`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({ process: 'test', level: expect.any(Number) });
    expect(line).toContain('[redacted]');
    for (const form of [key.slice(8, 20), Buffer.from(key).toString('base64').slice(12, 24)])
      expect(line).not.toContain(form);
  }
});
