/** The connector's signature, made without the library that checks it: RFC 7519, RFC 7515. */
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { RawRequest } from '@nightshift/channels';
import { appId, serviceUrl } from './world.ts';

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  /** As Microsoft publishes it. */
  jwk: object;
}

export function newSigningKey(kid: string, endorsements: string[] = ['msteams', 'skype']): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', kid, x5t: kid, endorsements };
  return { kid, privateKey, jwk };
}

/** Of Microsoft, in every test. */
export const microsoftKey = newSigningKey('fakemicrosoftkey');

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function jwtOf(claims: object, key: SigningKey = microsoftKey, header: object = {}): string {
  const signed = `${encode({ alg: 'RS256', typ: 'JWT', kid: key.kid, x5t: key.kid, ...header })}.${encode(claims)}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(key.privateKey).toString('base64url');
  return `${signed}.${signature}`;
}

/** `at`: milliseconds of the epoch. As short-lived as can be, so that a captured one is worth least. */
export const claimsAt = (at: number, claims: object = {}) => ({
  serviceurl: serviceUrl,
  nbf: Math.floor(at / 1000),
  exp: Math.floor(at / 1000),
  iss: 'https://api.botframework.com',
  aud: appId,
  ...claims,
});

export function delivered(body: Uint8Array | object, authorization: string): RawRequest {
  return {
    method: 'POST',
    url: 'https://nightshift.example/v1/hooks/key',
    headers: { 'content-type': 'application/json; charset=utf-8', authorization },
    body: body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)),
  };
}

/** As the connector signs it. */
export const signed = (body: Uint8Array | object, at: number, claims?: object): RawRequest =>
  delivered(body, `Bearer ${jwtOf(claimsAt(at, claims))}`);
