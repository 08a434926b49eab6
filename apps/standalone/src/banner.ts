import { isAbsolute, relative } from 'node:path';
import { ROOT, type StandaloneEnv } from './env.ts';

export interface BannerInput {
  /** How people reach the server. */
  url: string;
  /** How this machine does. */
  address: string;
  /** Absolute. */
  dataDirectory: string;
  /** Null: NIGHTSHIFT_ADMIN_KEY presets it. */
  adminKeyPath: string | null;
  /** Null: it was shown before, or may not be shown. */
  newAdminKey: string | null;
  env: Pick<StandaloneEnv, 'adminKeyFile' | 'dataIsChosen' | 'callerDirectory'>;
}

/** What a person wants to know next. Each command works as it stands there, where `npm start` was typed. */
export function banner({ url, address, dataDirectory, adminKeyPath, newAdminKey, env }: BannerInput): string {
  const { adminKeyFile, callerDirectory, dataIsChosen } = env;
  const shortest = (path: string) => {
    const short = relative(callerDirectory, path);
    return short.startsWith('..') || isAbsolute(short) ? path : short;
  };
  // The person's shell knows nothing of what stands in `.env`.
  const preset = adminKeyFile
    ? `$(node --env-file=${quoted(shortest(adminKeyFile))} -p process.env.NIGHTSHIFT_ADMIN_KEY)`
    : '$NIGHTSHIFT_ADMIN_KEY';
  const key = adminKeyPath === null ? preset : `$(cat ${quoted(shortest(adminKeyPath))})`;
  // The data directory tells the command where the server is; npm finds the checkout from anywhere within it.
  const where = dataIsChosen ? `NIGHTSHIFT_DATA=${quoted(dataDirectory)} ` : '';
  const isInside = !relative(ROOT, callerDirectory).startsWith('..');
  const npm = isInside ? 'npm' : `npm --prefix ${quoted(ROOT.replace(/\/$/, ''))}`;
  return [
    '',
    `  Nightshift is ready:  ${url}`,
    ...(url === address || isAlias(url, address) ? [] : [`  On this machine:      ${address}`]),
    `  Admin key:            ${adminKeyPath ? shortest(adminKeyPath) : 'the one that NIGHTSHIFT_ADMIN_KEY presets'}`,
    ...(newAdminKey === null ? [] : [`                        ${newAdminKey}  (shown only this once)`]),
    '',
    `  Talk to an agent:     ${where}${npm} run nightshift -- chat`,
    `  API documentation:    ${url}/docs`,
    `  With curl:            curl -H "Authorization: Bearer ${key}" ${address}/v1/agents`,
    '',
    '',
  ].join('\n');
}

/** `localhost` and 127.0.0.1 are the same to a reader. */
const isAlias = (url: string, address: string) => url.replace('//localhost:', '//127.0.0.1:') === address;

/** A path as a shell takes it, also within double quotes and `$( )`. */
const quoted = (path: string) =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
