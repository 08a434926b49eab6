/** From an agent's `model` to the endpoints and keys that can serve it. */
import type { Failure, ModelSetting, ModelTask, PolicyTarget } from '@nightshift/contracts';
import { type OpenCredential, openCredentials } from '@nightshift/core/credentials';
import type { Database } from '@nightshift/core/database';
import { readLastModel } from '@nightshift/core/runs';
import { type KeyEncryptionKey, UnsealError } from '@nightshift/core/secrets';
import {
  contextWindowOf,
  defaultModelOf,
  endpointOf,
  findVendor,
  fromEnvironment,
  ModelError,
  type ModelRef,
  parseModelRef,
  type Routing,
  type Target,
  type TargetKey,
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

/** What a model is asked for, and where. */
export interface Asking {
  teamId: string;
  conversationId: string;
  task: ModelTask;
  /** `provider/model` that has answered in this run already. Null: the conversation's last run is looked at. */
  answeredBy: string | null;
}

const demoModel = 'demo/guide';

/**
 * Who may answer, and how the router is to choose among them.
 * @throws {TargetError} when there is nothing to try
 */
export async function resolveTargets(
  deps: TargetDeps,
  { teamId, conversationId, task, answeredBy }: Asking,
  model: ModelSetting,
): Promise<Routing> {
  const from = { scope: teamId, stickTo: conversationId };
  if (model === 'auto') return { ...from, targets: [await automaticTarget(deps, teamId)] };
  if (typeof model === 'string') return { ...from, targets: [await exactTarget(deps, teamId, model)] };
  const { targets, routes, ...choice } = model;
  const wanted = routes.find(({ when }) => when.task === task)?.targets ?? targets;
  return {
    ...from,
    ...choice,
    targets: await policyTargets(deps, teamId, wanted),
    lastTarget: wanted.length < 2 ? null : (answeredBy ?? (await readLastModel(deps.db, conversationId))),
  };
}

/** One model, and every key that it can be reached with. @throws {TargetError} when there is none */
export async function exactTarget(deps: TargetDeps, teamId: string, reference: string): Promise<Target> {
  const named = parseModelRef(reference);
  const which = findVendor(named.provider) ? { provider: named.provider } : { name: named.provider };
  const keys = keysOf(deps, named, await open(deps, teamId, which));
  if (!Array.isArray(keys)) throw new TargetError(keys);
  return targetOf(named, keys);
}

/** One without a key stays, without candidates: the router names it when nothing else answers. */
async function policyTargets(
  deps: TargetDeps,
  teamId: string,
  wanted: readonly PolicyTarget[],
): Promise<Target[]> {
  const credentials = await open(deps, teamId, {});
  const found = wanted.map(({ model, ...share }) => {
    const named = parseModelRef(model);
    return { named, share, keys: keysOf(deps, named, credentials) };
  });
  const failures = found.flatMap(({ keys }) => (Array.isArray(keys) ? [] : [keys]));
  if (failures.length === found.length) {
    const message = [...new Set(failures.map((failure) => failure.message))].join(' ');
    throw new TargetError({ ...failures[0]!, message });
  }
  return Promise.all(
    found.map(({ named, share, keys }) => targetOf(named, Array.isArray(keys) ? keys : [], share)),
  );
}

async function targetOf(
  { provider, model }: ModelRef,
  candidates: TargetKey[],
  share: Pick<Target, 'tier' | 'weight'> = {},
): Promise<Target> {
  return { provider, model, candidates, contextWindow: await contextWindowOf(provider, model), ...share };
}

/**
 * The first vendor, in the catalogue's order, that there is a key for; else the first endpoint that the team has stored,
 * with a model of its own list; else the demo. A local server that nobody stored never counts as found.
 *
 * @throws {TargetError} none of the stored endpoints says which models it has
 */
async function automaticTarget(deps: TargetDeps, teamId: string): Promise<Target> {
  const credentials = await open(deps, teamId, {});
  for (const vendor of vendors) {
    const { id: provider, defaultModel: model, local } = vendor;
    if (!model || local) continue;
    const keys = keysOfVendor(deps, vendor, credentials);
    if (keys.length > 0) return targetOf({ provider, model }, keys);
  }
  return (await listedTarget(credentials)) ?? exactTarget(deps, teamId, demoModel);
}

/** Null where nothing is stored that could list a model. @throws {TargetError} */
async function listedTarget(credentials: readonly OpenCredential[]): Promise<Target | null> {
  const problems: string[] = [];
  for (const credential of credentials) {
    const vendor = findVendor(credential.provider);
    if (!vendor) continue;
    const provider = credential.name ?? vendor.id;
    const key = storedKey(vendor, provider, credential);
    try {
      const model = await defaultModelOf(key.endpoint);
      if (model !== null) {
        const others = credentials.filter(
          (other) => other !== credential && other.provider === vendor.id && other.name === credential.name,
        );
        return await targetOf({ provider, model }, [
          key,
          ...others.map((other) => storedKey(vendor, provider, other)),
        ]);
      }
      problems.push(`${provider} lists no model.`);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      problems.push(`${provider}: ${error.message}`);
    }
  }
  if (problems.length === 0) return null;
  throw new TargetError({
    code: 'no_model',
    message: `The agent's model is "auto", and no endpoint says which models it has. ${problems.join(' ')}`,
    hint: "Set the agent's model (nightshift agents update <agent> --model name/model), or see to the endpoint. Then retry the run.",
  });
}

/** The keys that a model can be reached with, or why there is none. */
function keysOf(
  deps: TargetDeps,
  { provider }: ModelRef,
  credentials: readonly OpenCredential[],
): TargetKey[] | Failure {
  const vendor = findVendor(provider);
  // Custom endpoints are addressed by their own names, not by their kind's.
  if (vendor && (vendor.baseUrl !== null || vendor.wire === 'demo')) {
    const keys = keysOfVendor(deps, vendor, credentials);
    if (keys.length > 0) return keys;
    const variables = vendor.env.length > 0 ? ` or set ${vendor.env.join(' or ')}` : '';
    return {
      code: 'no_credential',
      message: `There is no key for ${vendor.name}.`,
      hint: `Store one (nightshift providers add ${vendor.id}, or POST /v1/provider-credentials)${variables}. Then retry the run.`,
    };
  }
  const keys = credentials
    .filter(({ name }) => name === provider)
    .flatMap((credential) => {
      const template = findVendor(credential.provider);
      return template ? [storedKey(template, provider, credential)] : [];
    });
  if (keys.length > 0) return keys;
  return {
    code: 'unknown_provider',
    message: `There is no provider or custom endpoint named "${provider}".`,
    hint: "Change the agent's model. GET /v1/catalog/providers lists the providers.",
  };
}

/** The team's own, and the environment's for when none of them works. */
function keysOfVendor(
  { providerKeys }: TargetDeps,
  vendor: Vendor,
  credentials: readonly OpenCredential[],
): TargetKey[] {
  const keys = credentials
    .filter(({ provider, name }) => provider === vendor.id && name === null)
    .map((credential) => storedKey(vendor, vendor.id, credential));
  const found = fromEnvironment(vendor, providerKeys);
  if (found) {
    const weight = keys.length > 0 ? 0 : 1;
    keys.push({ credentialId: null, endpoint: endpointOf(vendor, found), weight, label: 'environment' });
  }
  if (keys.length === 0 && vendor.local) {
    keys.push({ credentialId: null, endpoint: endpointOf(vendor, { apiKey: null }) });
  }
  return keys;
}

function storedKey(vendor: Vendor, provider: string, credential: OpenCredential): TargetKey {
  const { id, label, weight, ...address } = credential;
  return { credentialId: id, endpoint: endpointOf(vendor, { ...address, provider }), weight, label };
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
