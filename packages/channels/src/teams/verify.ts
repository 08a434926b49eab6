/**
 * Whether a request is of Microsoft's connector, and for us.
 * https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#step-4-verify-the-jwt-token
 */
import { createPublicKey } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { z } from 'zod';
import type { RawRequest, Verified, VerifyContext } from '../channel.ts';
import { readJson } from '../http.ts';
import { cloudOf, isConnector, type TeamsConnection } from './connection.ts';
import type { Keyring } from './keys.ts';

/** "Industry-standard clock-skew is 5 minutes." */
const clockToleranceSeconds = 5 * 60;
const algorithm = 'RS256';
const teamsChannel = 'msteams';

/** What a token is bound to of the body, which it does not sign. */
const Addressed = z.object({ channelId: z.literal(teamsChannel), serviceUrl: z.string() });

const no = (reason: string): Verified => ({ ok: false, reason });

/** See `InboundHook.verify`. */
export async function verify(
  request: RawRequest,
  { credentials, settings }: TeamsConnection,
  { now, ...context }: VerifyContext,
  keyring: Keyring,
): Promise<Verified> {
  const { appId } = credentials;
  if (!appId) return no('no app id is set');
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!token) return no('there is no bearer token');
  const { kid, alg } = decodeProtectedHeader(token);
  if (!kid || alg !== algorithm) return no('the token names no key, or another algorithm');

  const cloud = cloudOf(settings);
  const key = await keyring.find(cloud, kid, now, context);
  if (!key) return no('the token is signed with a key that Microsoft does not know');
  // A key that speaks for some channels only does not speak for Teams unless it says so.
  if (key.endorsements?.length && !key.endorsements.includes(teamsChannel))
    return no('the key may not sign for Teams');
  const { payload } = await jwtVerify(token, createPublicKey({ key, format: 'jwk' }), {
    algorithms: [algorithm],
    issuer: cloud.issuer,
    audience: appId,
    requiredClaims: ['exp', 'nbf'],
    clockTolerance: clockToleranceSeconds,
    currentDate: new Date(now),
  });

  const body = Addressed.safeParse(readJson(request)).data;
  if (!body) return no('the activity is not one of Teams');
  // Otherwise whoever has a token of this bot could have our answers, and our token, sent to a server of theirs.
  if (payload.serviceurl !== body.serviceUrl) return no('the token is for another serviceUrl');
  return isConnector(body.serviceUrl, settings) ? { ok: true } : no('the serviceUrl is not a connector');
}
