/** What happened, in order: to one tab, or to the replicas and Redis. Times are milliseconds of `performance.now()`. */
export interface Journal {
  readonly entries: readonly { readonly at: number; readonly what: string }[];
  note(what: string): void;
}

export function createJournal(): Journal {
  const entries: { at: number; what: string }[] = [];
  return {
    entries,
    note: (what) => {
      entries.push({ at: performance.now(), what });
    },
  };
}
