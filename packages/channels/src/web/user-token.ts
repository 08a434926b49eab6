/** Whom the host page says the visitor is: a JWT (RFC 7519) that its server signs with the channel's secret, by HS256. */
import { errors, jwtVerify } from 'jose';
import { z } from 'zod';

/** Ids longer than this do not fit an identity. */
const Claims = z.object({
  sub: z.string().trim().min(1).max(150),
  name: z.string().trim().max(200).optional(),
  email: z.string().trim().max(200).optional(),
});

export interface User {
  readonly id: string;
  readonly name: string | null;
}

/** Null: it is not signed by the secret, too old, or names nobody. It has to have `sub` and `exp`. */
export async function readUserToken(secret: string, token: string): Promise<User | null> {
  try {
    const { payload } = await jwtVerify(token, Buffer.from(secret), {
      algorithms: ['HS256'],
      requiredClaims: ['sub', 'exp'],
      // Two servers' clocks.
      clockTolerance: 60,
    });
    const claims = Claims.safeParse(payload);
    if (!claims.success) return null;
    const { sub, name, email } = claims.data;
    return { id: sub, name: name || email || null };
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
