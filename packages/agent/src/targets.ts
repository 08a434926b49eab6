/** From an agent's `model` to the endpoints and keys that can serve it. */

import type { ModelSetting } from '@nightshift/contracts';
import { type OpenCredential, openCredentials } from '@nightshift/core/credentials';
import type { Database } from '@nightshift/core/database';
import { type KeyEncryptionKey, UnsealError } from '@nightshift/core/secrets';
import {
  endpointOf,
  findVendor,
  parseModelRef,
  type Target,
  type Vendor,
  vendors,
} from '@nightshift/providers';
import { TargetError } from './failure.ts';

export interface TargetDeps {
  db: Database;
  kek: KeyEncryptionKey;
  /** Model keys of the environment: variable → value. */
  providerKeys: Readonly<Record<string, string>>;
}

const demoModel = 'demo/guide';

/** The first variable of the vendor that is set. */
export function environmentKey(vendor: Vendor, keys: TargetDeps['providerKeys']): string | undefined {
  return vendor.env.map((name) => keys[name]).find((key) => key !== undefined);
}

type Candidate = Target['candidates'][number];

const noKey = { id: null, baseUrl: null, apiKey: null };

function candidate(
  vendor: Vendor,
  provider: string,
  key: Pick<OpenCredential, 'baseUrl' | 'apiKey'> & { id: string | null },
): Candidate {
  const { id, baseUrl, apiKey } = key;
  return { credentialId: id, endpoint: endpointOf(vendor, { provider, baseUrl, apiKey }) };
}

/** The team's own credentials come first, the environment's key last. */
function candidatesOf(
  vendor: Vendor,
  credentials: readonly OpenCredential[],
  keys: TargetDeps['providerKeys'],
): Candidate[] {
  const own = credentials
    .filter(({ provider, name }) => provider === vendor.id && name === null)
    .map((credential) => candidate(vendor, vendor.id, credential));
  const fromEnvironment = environmentKey(vendor, keys);
  if (fromEnvironment) own.push(candidate(vendor, vendor.id, { ...noKey, apiKey: fromEnvironment }));
  if (own.length === 0 && vendor.local) own.push(candidate(vendor, vendor.id, noKey));
  return own;
}

async function open(deps: TargetDeps, teamId: string, which: Parameters<typeof openCredentials>[3]) {
  try {
    return await openCredentials(deps.db, deps.kek, teamId, which);
  } catch (error) {
    if (!(error instanceof UnsealError)) throw error;
    throw new TargetError({
      code: 'credential_unreadable',
      message: `A stored key cannot be read. ${error.message}`,
    });
  }
}

/** The first vendor, in the catalogue's order, that there is a key for; a local server never counts as found. */
async function automaticTarget(deps: TargetDeps, teamId: string): Promise<Target> {
  const credentials = await open(deps, teamId, {});
  for (const vendor of vendors) {
    if (!vendor.defaultModel || vendor.local) continue;
    const candidates = candidatesOf(vendor, credentials, deps.providerKeys);
    if (candidates.length > 0) return { provider: vendor.id, model: vendor.defaultModel, candidates };
  }
  return exactTarget(deps, teamId, demoModel);
}

async function exactTarget(deps: TargetDeps, teamId: string, reference: string): Promise<Target> {
  const { provider, model } = parseModelRef(reference);
  const vendor = findVendor(provider);
  if (vendor?.id === 'demo') {
    return { provider, model, candidates: [candidate(vendor, provider, noKey)] };
  }
  if (vendor) {
    const candidates = candidatesOf(vendor, await open(deps, teamId, { provider }), deps.providerKeys);
    if (candidates.length > 0) return { provider, model, candidates };
    const variables = vendor.env.length > 0 ? ` or set ${vendor.env.join(' or ')}` : '';
    throw new TargetError({
      code: 'no_credential',
      message: `There is no key for ${vendor.name}.`,
      hint: `Store one (nightshift providers add ${vendor.id}, or POST /v1/provider-credentials)${variables}. Then retry the run.`,
    });
  }
  const candidates = (await open(deps, teamId, { name: provider })).flatMap((credential) => {
    const template = findVendor(credential.provider);
    return template ? [candidate(template, provider, credential)] : [];
  });
  if (candidates.length > 0) return { provider, model, candidates };
  throw new TargetError({
    code: 'unknown_provider',
    message: `There is no provider or custom endpoint named "${provider}".`,
    hint: "Change the agent's model. GET /v1/catalog/providers lists the providers.",
  });
}

/**
 * What to try for a model, in order.
 * @throws {TargetError} when there is nothing to try
 */
export async function resolveTargets(
  deps: TargetDeps,
  teamId: string,
  model: ModelSetting,
): Promise<Target[]> {
  if (typeof model !== 'string')
    return Promise.all(model.targets.map((target) => exactTarget(deps, teamId, target.model)));
  return [model === 'auto' ? await automaticTarget(deps, teamId) : await exactTarget(deps, teamId, model)];
}
