/** Uniform random numbers that a seed fixes. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  between(low: number, high: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  shuffled<T>(list: readonly T[]): T[];
}

/**
 * One stream a purpose: what one part of a run draws does not shift what another part gets, so that a seed means the
 * same cuts whatever the timing of everything else.
 * The generator is mulberry32 (Tommy Ettinger, public domain), the name is folded in with FNV-1a.
 */
export function randomFrom(seed: number, purpose: string): Random {
  let state = fold(seed, purpose);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    pick: (list) => list[Math.floor(next() * list.length)] ?? list[0],
    shuffled: (list) =>
      list
        .map((value) => ({ value, rank: next() }))
        .sort((left, right) => left.rank - right.rank)
        .map(({ value }) => value),
  };
}

function fold(seed: number, purpose: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const character of purpose) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash;
}
