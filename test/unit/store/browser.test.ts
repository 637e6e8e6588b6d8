import { describe, expect, test } from 'vitest';
import { withNames } from '../../../relay/store/browser.js';

describe('the names of a browser', () => {
  const refreshed = (known: readonly string[], times: number) =>
    Array.from({ length: times }, (_, number) => `t:${number + 2}`).reduce<readonly string[]>(
      (names, token) => withNames([token], names),
      known,
    );

  test('are at most four: the two newest tokens, and what it came with', () => {
    expect(refreshed(['t:1'], 3)).toEqual(['t:4', 't:3', 't:2', 't:1']);
    expect(refreshed(['t:1'], 20)).toEqual(['t:21', 't:20', 't:2', 't:1']);
    expect(refreshed(['s:1', 'd:1'], 20)).toEqual(['t:21', 't:20', 's:1', 'd:1']);
  });

  test('are no more for one that is shown again', () => {
    expect(withNames(['t:1'], ['t:2', 't:1'])).toEqual(['t:1', 't:2']);
  });
});
