/** What a check of the doctor found. `advice` says what to do about it. */
export interface Finding {
  name: string;
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  detail: string;
  advice?: string;
}

export const ok = (name: string, detail: string): Finding => ({ name, status: 'ok', detail });
export const skipped = (name: string, detail: string): Finding => ({ name, status: 'skipped', detail });
export const warning = (name: string, detail: string, advice: string): Finding => ({
  name,
  status: 'warning',
  detail,
  advice,
});
export const failed = (name: string, detail: string, advice: string): Finding => ({
  name,
  status: 'failed',
  detail,
  advice,
});
