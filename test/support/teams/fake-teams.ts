/** Microsoft as a bot of Teams sees it: its sign-in, its keys and its connector, which check what they are sent. */
import { randomInt, randomUUID } from 'node:crypto';
import { type FakeAnswer, type FakeHttp, type FakeRequest, startFakeHttp } from '../channel/fake-http.ts';
import { Message, maxMessageBytes, Typing } from './rules.ts';
import { jwtOf, microsoftKey } from './sign.ts';
import { appId, appPassword, directId, groupChatId, tenantId, threadId } from './world.ts';

export interface FakeActivity {
  id: string;
  conversation: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into activities of every shape
  [field: string]: any;
}

export interface FakeTeams extends FakeHttp {
  /** Every message of ours as it stands, oldest first. */
  readonly messages: FakeActivity[];
  /** Conversations that were shown typing. */
  readonly typing: string[];
  /** By the id of an attachment, or by path for a file of SharePoint's. */
  readonly files: Map<string, Uint8Array>;
  /** Tokens that are taken now. */
  readonly tokens: Set<string>;
  /** What a test may change: the keys that are published, where a token is given, and who is kept out of where. */
  readonly state: {
    keys: object[];
    tenants: string[];
    password: string;
    issuer: string;
    jwksUri: string | null;
    blocked: Record<string, { status: number; code: string }>;
  };
}

const json = (body: unknown, status = 200): FakeAnswer => ({ status, body });
const refuse = (status: number, code: string): FakeAnswer =>
  json({ error: { code, message: `It is ${code}.` } }, status);

export async function startFakeTeams(): Promise<FakeTeams> {
  const messages: FakeActivity[] = [];
  const typing: string[] = [];
  const files: FakeTeams['files'] = new Map();
  const tokens: FakeTeams['tokens'] = new Set();
  const conversations = [directId, threadId, groupChatId];
  const state: FakeTeams['state'] = {
    keys: [microsoftKey.jwk],
    tenants: ['botframework.com', tenantId],
    password: appPassword,
    issuer: 'https://api.botframework.com',
    jwksUri: null,
    blocked: {},
  };

  function answer(request: FakeRequest): FakeAnswer {
    const { method, url, headers } = request;
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (url.pathname === '/v1/.well-known/openidconfiguration')
      return json({
        issuer: state.issuer,
        jwks_uri: state.jwksUri ?? `${fake.url}/v1/.well-known/keys`,
        id_token_signing_alg_values_supported: ['RS256'],
      });
    if (url.pathname === '/v1/.well-known/keys') return json({ keys: state.keys });
    if (path[1] === 'oauth2') return signIn(request, path[0]!);
    const token = headers.authorization?.replace(/^Bearer /, '');
    if (path[0] === 'personal') {
      const data = files.get(url.pathname + url.search);
      // The bot's token is nobody's business there.
      if (token) return { status: 400, body: 'SharePoint takes no token of a bot' };
      return data
        ? { status: 200, headers: { 'content-type': 'application/pdf' }, body: data }
        : refuse(404, 'itemNotFound');
    }
    // The region stands before it: https://smba.trafficmanager.net/amer/
    const [version, resource, id = '', part, activityId] = path.slice(1);
    if (version !== 'v3') return refuse(404, 'ServiceError');
    if (!token || !tokens.has(token))
      return json({ message: 'Authorization has been denied for this request.' }, 401);
    if (resource === 'attachments') {
      const data = files.get(id);
      return data
        ? { status: 200, headers: { 'content-type': 'image/png' }, body: data }
        : refuse(404, 'ServiceError');
    }
    if (resource !== 'conversations' || part !== 'activities') return refuse(404, 'ServiceError');
    if (state.blocked[id]) return refuse(state.blocked[id].status, state.blocked[id].code);
    if (!conversations.includes(id)) return refuse(404, 'ConversationNotFound');
    return say(request, `${method}${activityId ? ' activity' : ''}`, id, activityId);
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
  function signIn({ method, headers, body }: FakeRequest, tenant: string): FakeAnswer {
    const failed = (status: number, error: string, code: number) =>
      json({ error, error_description: `AADSTS${code}: no`, error_codes: [code] }, status);
    const form = new URLSearchParams(body.toString());
    if (method !== 'POST' || headers['content-type'] !== 'application/x-www-form-urlencoded')
      return failed(400, 'invalid_request', 900144);
    if (form.get('grant_type') !== 'client_credentials') return failed(400, 'unsupported_grant_type', 70003);
    if (form.get('scope') !== 'https://api.botframework.com/.default')
      return failed(400, 'invalid_scope', 70011);
    if (!state.tenants.includes(tenant)) return failed(400, 'invalid_request', 90002);
    if (form.get('client_id') !== appId) return failed(400, 'unauthorized_client', 700016);
    if (form.get('client_secret') !== state.password) return failed(401, 'invalid_client', 7000215);
    const token = jwtOf({ appid: appId, app_displayname: 'Nightshift', jti: randomUUID() });
    tokens.add(token);
    return json({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: token });
  }

  function say(
    { headers, body }: FakeRequest,
    route: string,
    conversation: string,
    activityId?: string,
  ): FakeAnswer {
    if (!headers['content-type']?.startsWith('application/json')) return refuse(400, 'BadSyntax');
    const text = body.toString();
    if (Buffer.byteLength(text, 'utf16le') > maxMessageBytes) return refuse(413, 'MessageSizeTooBig');
    const activity = JSON.parse(text);
    if (route === 'POST' && Typing.safeParse(activity).success) {
      typing.push(conversation);
      return json({ id: '' });
    }
    const message = Message.safeParse(activity);
    if (!message.success) return refuse(400, 'BadSyntax');
    if (route === 'POST') {
      const id = `1:${randomInt(2 ** 40)}`;
      messages.push({ ...message.data, id, conversation });
      return json({ id }, 201);
    }
    if (route !== 'PUT activity') return refuse(405, 'MethodNotAllowed');
    const at = messages.findIndex((each) => each.id === activityId && each.conversation === conversation);
    if (at < 0) return refuse(404, 'ActivityNotFoundInConversation');
    messages[at] = { ...message.data, id: activityId!, conversation };
    return json({ id: activityId });
  }

  const fake = await startFakeHttp(answer);
  return { ...fake, messages, typing, files, tokens, state };
}
