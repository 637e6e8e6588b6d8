/** `unchecked`: something that it would take is not there; told at the end, and no fault by itself. */
export type Verdict = 'ok' | 'warn' | 'FAIL' | 'unchecked';

/** What one check of the doctor found. */
export interface Finding {
  readonly check: string;
  readonly verdict: Verdict;
  /** One line: what is, and where it is not well, why. */
  readonly message: string;
  /** The lines to paste that mend it, each with where it goes when that is not plain. */
  readonly mend: readonly string[];
}

export type Tell = (finding: Finding) => void;

export const ok = (check: string, message: string): Finding => ({ check, verdict: 'ok', message, mend: [] });

export const warn = (check: string, message: string, ...mend: readonly string[]): Finding => {
  return { check, verdict: 'warn', message, mend };
};

export const fail = (check: string, message: string, ...mend: readonly string[]): Finding => {
  return { check, verdict: 'FAIL', message, mend };
};

export const unchecked = (check: string, message: string): Finding => {
  return { check, verdict: 'unchecked', message, mend: [] };
};
