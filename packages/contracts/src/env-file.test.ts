import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnvFileError, withEnvFile } from './env-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'env-file-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (text: string, name = '.env') => writeFileSync(join(directory, name), text);
const read = (environment: Record<string, string> = {}) => withEnvFile(directory, environment);

describe('withEnvFile', () => {
  it('changes nothing where there is no file', () => {
    expect(read({ PORT: '1' })).toEqual({ PORT: '1' });
  });

  it('adds what is not set', () => {
    write('\uFEFF# Port\r\nPORT=3001\r\n\r\nexport NAME = "two words" # why\nKEY=\'a\nb\'\nEMPTY=\n');
    expect(read({ HOME: '/root' })).toEqual({
      HOME: '/root',
      PORT: '3001',
      NAME: 'two words',
      KEY: 'a\nb',
      EMPTY: '',
    });
  });

  it('gives each variable what stands on its own line, whatever white space and line ends are around it', () => {
    const values = [
      ['', ''],
      ['a b', 'a b'],
      ['"a # b"', 'a # b'],
      ["'a \" b'", 'a " b'],
      ['# note', ''],
      ['a # note', 'a'],
      ['" "', ' '],
    ] as const;
    const line = fc.record({
      value: fc.constantFrom(...values),
      before: fc.constantFrom('', ' ', '\t'),
      after: fc.constantFrom('', ' ', '\t ', '  '),
      end: fc.constantFrom('\n', '\r\n', '\r'),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        write(
          lines
            .map(({ value, before, after, end }, at) => `V${at}=${before}${value[0]}${after}${end}`)
            .join(''),
        );
        expect(read()).toEqual(Object.fromEntries(lines.map(({ value }, at) => [`V${at}`, value[1]])));
      }),
    );
  });

  it('lets the environment win, also with nothing', () => {
    write('PORT=3001\nREDIS_URL=redis://x\n');
    expect(read({ PORT: '4000', REDIS_URL: '' })).toEqual({ PORT: '4000', REDIS_URL: '' });
  });

  it.each([
    ['PORT 3001', 1, 'NAME=value'],
    ['A=1\n\n# x\nPORT: 3001\n', 4, 'NAME=value'],
    ['A=1\n=secret', 2, 'NAME=value'],
    ['1A=secret', 1, 'NAME=value'],
    ['A="secret\nB=2\n', 1, 'not closed'],
    ['A=sec#ret', 1, '"#" has to be in quotes'],
    ['A=secret # note\nB=https://x.test/#secret # note', 2, '"#" has to be in quotes'],
    ['A="se"cret', 1, 'closing "'],
    ["A='it's secret'", 1, "closing '"],
    ['A="a\\"secret"', 1, 'closing "'],
    ['A="x\nB=1\nC="secret"', 3, 'closing "'],
  ])('names the line of %j that is wrong, without what it says', (text, line, reason) => {
    write(text);
    expect(() => read()).toThrow(EnvFileError);
    expect(() => read()).toThrow(`${join(directory, '.env')}, line ${line}: `);
    expect(() => read()).toThrow(reason);
    expect(() => read()).not.toThrow('secret');
  });

  it('finds a line without "=" wherever it stands', () => {
    const good = fc.array(fc.constantFrom('A=1', '# note', '', "B='x\ny'", 'C="1 = 2"', 'export D=`z`'), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(good, good, fc.stringMatching(/^[A-Za-z][\w :.-]{0,20}$/), (before, after, wrong) => {
        write([...before, ...after].join('\n'));
        expect(() => read()).not.toThrow();
        write([...before, wrong, ...after].join('\n'));
        const line = before.join('\n').split('\n').length + (before.length > 0 ? 1 : 0);
        expect(() => read()).toThrow(`line ${line}: `);
      }),
    );
  });

  it('reads another file where NIGHTSHIFT_ENV_FILE says so, which has to be there', () => {
    write('PORT=1');
    write('PORT=2', 'other.env');
    expect(read({ NIGHTSHIFT_ENV_FILE: 'other.env' })).toMatchObject({ PORT: '2' });
    expect(read({ NIGHTSHIFT_ENV_FILE: '' })).toMatchObject({ PORT: '1' });
    expect(read({ NIGHTSHIFT_ENV_FILE: '/dev/null' })).not.toHaveProperty('PORT');
    expect(() => read({ NIGHTSHIFT_ENV_FILE: 'none.env' })).toThrow(/none\.env cannot be read \(ENOENT\)/);
    expect(() => read({ NIGHTSHIFT_ENV_FILE: '.' })).toThrow(/cannot be read \(EISDIR\)/);
  });
});
