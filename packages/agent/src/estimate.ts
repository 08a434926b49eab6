/** What a run would use, before it is asked for. No model is called. */
import type { Agent, Estimate, EstimateBody } from '@nightshift/contracts';
import { type BudgetOutlook, budgetsFor } from '@nightshift/core/budgets';
import { getConversation, historyLimit, listMessages, readSummary } from '@nightshift/core/conversations';
import { newId } from '@nightshift/core/database';
import { DomainError, notFound } from '@nightshift/core/errors';
import { costUsd, estimateInput, type Target, USUAL_OUTPUT_TOKENS } from '@nightshift/providers';
import type { Tool } from '@nightshift/tools';
import { TargetError } from './failure.ts';
import { allowedTools, buildCall } from './prompt.ts';
import { resolveTargets, type TargetDeps } from './targets.ts';

/** Of an answer in one sentence. */
const shortOutputTokens = 50;

export interface EstimateDeps extends TargetDeps {
  tools: readonly Tool[];
}

/** Who asks for the estimate: their budgets count. */
export interface Estimating {
  teamId: string;
  memberId: string;
}

/**
 * The first model call of a run that would answer `body`: its tokens, and what they would cost with each model that the
 * agent may ask.
 *
 * @throws {DomainError} not_found: no such conversation with this agent; conflict: there is no model to ask
 */
export async function estimateRun(
  deps: EstimateDeps,
  { teamId, memberId }: Estimating,
  agent: Agent,
  { text, conversationId }: EstimateBody,
): Promise<Estimate> {
  const before = conversationId ? await readBefore(deps, teamId, agent.id, conversationId) : nothing;
  const content = [{ type: 'text' as const, text }];
  const call = buildCall({
    agent,
    ...before,
    run: [{ role: 'user', content }],
    tools: allowedTools(deps.tools, agent.tools, null),
  });
  const { low, high } = estimateInput(call);
  const output = { low: shortOutputTokens, high: USUAL_OUTPUT_TOKENS };
  const [targets, budgets] = await Promise.all([
    // Without a conversation: one that there is not yet.
    targetsOf(deps, teamId, agent, conversationId ?? newId()),
    budgetsFor(deps.db, { teamId, agentId: agent.id, conversationId: conversationId ?? null, memberId }),
  ]);
  const rows = targets.map(async (target) => {
    const [least, most] = [await costOf(target, low, output.low), await costOf(target, high, output.high)];
    const cost = least === null || most === null ? null : { low: least, high: most };
    const model = `${target.provider}/${target.model}`;
    return {
      model,
      costUsd: cost,
      refusedBy: budgets.flatMap((budget) => refusal(budget, model, cost !== null)),
    };
  });
  return { inputTokens: high, outputTokens: output, targets: await Promise.all(rows) };
}

/** A conversation that there is not yet. */
const nothing = { summary: null, before: [] };

async function readBefore({ db }: EstimateDeps, teamId: string, agentId: string, conversationId: string) {
  const conversation = await getConversation(db, teamId, conversationId);
  if (conversation.agentId !== agentId) throw notFound('conversation of this agent');
  const [summary, { data }] = await Promise.all([
    readSummary(db, conversationId),
    listMessages(db, teamId, conversationId, { limit: historyLimit }),
  ]);
  const shown = data.filter(({ role, seq }) => role === 'system' || seq > (summary?.throughSeq ?? 0));
  const before = shown
    .toReversed()
    .map(({ seq, role, text }) => ({ seq, role, content: [{ type: 'text' as const, text }] }));
  return { summary: summary?.text ?? null, before };
}

async function targetsOf(deps: EstimateDeps, teamId: string, agent: Agent, conversationId: string) {
  try {
    const asking = { teamId, conversationId, task: 'turn', answeredBy: null } as const;
    return (await resolveTargets(deps, asking, agent.model)).targets;
  } catch (error) {
    if (error instanceof TargetError) throw new DomainError('conflict', error.message, { cause: error });
    throw error;
  }
}

/** By the target's first key: the team's own prices are said there. */
function costOf(
  { provider, model, candidates }: Target,
  input: number,
  output: number,
): Promise<string | null> {
  const usage = { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
  return costUsd(provider, model, usage, { prices: candidates[0]?.endpoint.prices });
}

function refusal(budget: BudgetOutlook, model: string, priced: boolean) {
  const { budgetId, name: limit, use, unit } = budget;
  if (unit === 'usd' && !priced && !budget.allowUnpriced) {
    const message = `The price of ${model} is unknown, and the budget is in USD.`;
    return [{ budgetId, limit, code: 'budget_unpriced', message }];
  }
  if (!budget.exceeded || budget.downgradeTo === model) return [];
  return [{ budgetId, limit, code: 'budget_exceeded', message: `It is used up: ${use}.` }];
}
