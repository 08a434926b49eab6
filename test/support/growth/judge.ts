/** Whether a regular expression is linear in every text: by what it says, and by what it takes. */
import { analyse } from 'scslre';
import { type Attack, attacksOn, attackText } from './attacks.ts';
import { millisecondsOf, superlinearGrowth } from './measure.ts';

/** At these lengths a linear pattern takes a tenth of this time, in milliseconds, and a quadratic one far more. */
const screening = [16, 24, 32, 64, 500, 8_000];
const suspiciousMs = 0.7;

/** Why a text can make the pattern slow; null: we know of none that can. */
export function slownessOf(source: string, flags: string): string | null {
  const pattern = new RegExp(source, flags);
  const [report] = analyse(pattern).reports;
  if (report) {
    const growth = report.exponential ? 'exponential' : 'quadratic';
    return `${growth}: ${report.type} of ${report.character.literal.source}`;
  }
  const work = (text: string) => text.replace(pattern, '');
  for (const attack of attacksOn(source, flags)) {
    if (!isSuspicious(attack, work)) continue;
    const growth = superlinearGrowth((length) => attackText(attack, length), work);
    if (!growth) continue;
    const { length, once, twice } = growth;
    const { lead, pump, end } = attack;
    return `${JSON.stringify(lead)}, ${JSON.stringify(pump)} again and again, ${JSON.stringify(end)}: ${Math.round(once)} ms for ${length}, ${Math.round(twice)} ms for twice as much`;
  }
  return null;
}

function isSuspicious(attack: Attack, work: (text: string) => unknown): boolean {
  return screening.some((length) => {
    const text = attackText(attack, length);
    return millisecondsOf(() => work(text)) > suspiciousMs;
  });
}
