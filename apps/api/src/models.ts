/** Whether the models that somebody names exist, as far as it can be told before they are asked anything. */
import { exactTarget, TargetError } from '@nightshift/agent';
import type { ModelSetting } from '@nightshift/contracts';
import { DomainError, type FieldError } from '@nightshift/core/errors';
import { checkModel, parseModelRef } from '@nightshift/providers';
import type { ApiDeps } from './deps.ts';

/** A vendor that lists its models more slowly than this is believed to have them all. */
const timeoutMs = 3_000;

/** Every model of the setting, with the field that names it. */
function modelsOf(field: string, model: ModelSetting): { path: string; reference: string }[] {
  if (model === 'auto') return [];
  if (typeof model === 'string') return [{ path: field, reference: model }];
  const named = (path: string, targets: typeof model.targets) =>
    targets.map((target, index) => ({ path: `${path}.${index}.model`, reference: target.model }));
  return [
    ...named(`${field}.targets`, model.targets),
    ...model.routes.flatMap(({ targets }, index) => named(`${field}.routes.${index}.targets`, targets)),
  ];
}

/** What is wrong with a model, for people; null when nothing is, or when nobody can tell yet. */
async function problemOf(deps: ApiDeps, teamId: string, reference: string): Promise<string | null> {
  const { model } = parseModelRef(reference);
  try {
    const { candidates } = await exactTarget(deps, teamId, reference);
    const check = await checkModel(candidates[0]!.endpoint, model);
    if (check.known !== false) return null;
    const { suggestions } = check;
    const hint = suggestions.length > 0 ? ` Did you mean ${suggestions.join(', ')}?` : '';
    return `${reference.slice(0, reference.indexOf('/'))} has no model "${model}".${hint}`;
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    // A key may be stored later, or mended.
    return error.failure.code === 'unknown_provider'
      ? `${error.failure.message} GET /v1/catalog/providers lists the providers.`
      : null;
  }
}

/**
 * Asks the vendors for their models, all at once.
 *
 * @param field of the body, for the error
 * @throws {DomainError} invalid_request, which names each field that is wrong
 */
export async function assertModelsExist(
  deps: ApiDeps,
  teamId: string,
  field: string,
  model: ModelSetting,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs);
  });
  const checks = modelsOf(field, model).map(async ({ path, reference }): Promise<FieldError[]> => {
    const message = await Promise.race([problemOf(deps, teamId, reference), late]);
    return message === null ? [] : [{ path, message }];
  });
  try {
    const fields = (await Promise.all(checks)).flat();
    if (fields.length === 0) return;
    const detail = fields.map(({ path, message }) => `${path}: ${message}`).join(' ');
    throw new DomainError('invalid_request', detail, { fields });
  } finally {
    clearTimeout(timer);
  }
}
