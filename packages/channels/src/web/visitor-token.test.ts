import { expect, it } from 'vitest';
import { newVisitorId, readVisitorToken, signVisitorToken, visitorTokenMs } from './visitor-token.ts';

const secret = 'a secret of the tests, long enough for it';
const now = Date.UTC(2026, 10, 22, 12);
const visitor = { id: 'v-1', name: 'Ann "Ä" 日本' };
const { token, expiresAt } = signVisitorToken(secret, 'channel-1', visitor, now);
const read = (text: string, at = now, { key = secret, channel = 'channel-1' } = {}) =>
  readVisitorToken(key, channel, text, at);

it('says who it is, until it ends', () => {
  expect(read(token)).toEqual(visitor);
  expect(expiresAt.getTime()).toBe(now + visitorTokenMs);
  expect(read(token, expiresAt.getTime() - 1)).toEqual(visitor);
  expect(read(token, expiresAt.getTime())).toBeNull();
});

it('is worth nothing under another secret, or in another channel', () => {
  expect(read(token, now, { key: `${secret}!` })).toBeNull();
  expect(read(token, now, { channel: 'channel-2' })).toBeNull();
});

it('is worth nothing once a character of it is another one, is gone, or is added', () => {
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A';
    expect(read(token.slice(0, at) + other + token.slice(at + 1)), `changed at ${at}`).toBeNull();
    expect(read(token.slice(0, at)), `cut at ${at}`).toBeNull();
  }
  for (const wrong of ['', `${token}A`, `${token}=`, ` ${token}`, token.toUpperCase(), 'v1..', 'v1.e30.'])
    expect(read(wrong), wrong).toBeNull();
});

it('is not a signature of a payload that somebody else has made', () => {
  const [, payload = '', signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, v: 'v-2' })).toString('base64url');
  expect(read(`v1.${forged}.${signature}`)).toBeNull();
});

it('gives every visitor an id that nobody can guess', () => {
  const ids = new Set(Array.from({ length: 1000 }, newVisitorId));
  expect(ids.size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^v-[\w-]{22}$/);
});
