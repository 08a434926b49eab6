/** Figures of budgets, for people. */
import type { BudgetUnit, BudgetWindow } from '@nightshift/contracts';

const rollingWords: Record<BudgetWindow, string> = {
  '5h': 'in the last 5 hours',
  day: 'in the last 24 hours',
  week: 'in the last 7 days',
  month: 'in the last 30 days',
};

const unitWords: Record<BudgetUnit, string> = { usd: 'USD', tokens: 'tokens', runs: 'runs' };

/** `4.02 of 5 USD this month`. `used` and `max` are decimal strings. */
export function describeUse(budget: {
  used: string;
  max: string;
  unit: BudgetUnit;
  window: BudgetWindow;
  rolling: boolean;
}): string {
  const { used, max, unit, window, rolling } = budget;
  const when = rolling ? rollingWords[window] : window === 'day' ? 'today' : `this ${window}`;
  return `${used} of ${max} ${unitWords[unit]} ${when}`;
}
