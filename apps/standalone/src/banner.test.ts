import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { banner } from './banner.ts';
import { ROOT } from './env.ts';

const at = { url: 'http://127.0.0.1:3000', address: 'http://127.0.0.1:3000', newAdminKey: null };
const here = { dataIsChosen: false, callerDirectory: ROOT };

it('is short where everything is as usual', () => {
  const data = join(ROOT, 'data');
  const text = banner({ ...at, dataDirectory: data, adminKeyPath: join(data, 'admin-key'), env: here });
  expect(text).toContain('  Talk to an agent:     npm run nightshift -- chat\n');
  expect(text).toContain('Bearer $(cat data/admin-key)" http://127.0.0.1:3000/v1/agents');
  expect(text).not.toContain('On this machine');
});

it('names the data directory and the checkout where the caller needs them', () => {
  const text = banner({
    ...at,
    url: 'https://agents.example.com',
    address: 'http://127.0.0.1:4321',
    dataDirectory: "/srv/it's data",
    adminKeyPath: "/srv/it's data/admin-key",
    env: { dataIsChosen: true, callerDirectory: '/home/ann' },
  });
  expect(text).toContain('On this machine:      http://127.0.0.1:4321');
  expect(text).toContain(
    `NIGHTSHIFT_DATA='/srv/it'\\''s data' npm --prefix ${ROOT.replace(/\/$/, '')} run nightshift -- chat`,
  );
  // As a shell reads it.
  const [, word] = /curl -H ("Authorization: .*") http:\/\/127\.0\.0\.1:4321/.exec(text)!;
  const said = execFileSync('sh', ['-c', `cat() { printf '<%s>' "$@"; }; printf '%s' ${word}`], {
    encoding: 'utf8',
  });
  expect(said).toBe("Authorization: Bearer </srv/it's data/admin-key>");
});

it('reads a key that `.env` presets from there: the shell does not know it', () => {
  const directory = mkdtempSync(join(tmpdir(), "banner's-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const adminKeyFile = join(directory, '.env');
  writeFileSync(adminKeyFile, '# Key\nNIGHTSHIFT_ADMIN_KEY="ns_of the file" # note\n');
  const text = banner({
    ...at,
    dataDirectory: '/d',
    adminKeyPath: null,
    env: { ...here, adminKeyFile, callerDirectory: '/' },
  });
  const [, word] = /curl -H ("Authorization: .*") http:\/\/127/.exec(text)!;
  const options = { encoding: 'utf8', cwd: '/', env: { PATH: process.env.PATH } } as const;
  expect(execFileSync('sh', ['-c', `printf '%s' ${word}`], options)).toBe(
    'Authorization: Bearer ns_of the file',
  );
});
