import { inspect } from 'node:util';

const tally = { passed: 0, failed: 0, skipped: 0 };

/** Runs one check and says how it went. What follows is run all the same: one fault rarely explains the others. */
export async function check(sentence, probe) {
  const started = performance.now();
  try {
    await probe();
    tally.passed += 1;
    say(`ok   - ${sentence} (${Math.round(performance.now() - started)} ms)`);
  } catch (error) {
    tally.failed += 1;
    say(`FAIL - ${sentence}\n${inspect(error)}`);
  }
}

export function skip(sentence, reason) {
  tally.skipped += 1;
  say(`skip - ${sentence}: ${reason}`);
}

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Says the closing line and gives back the exit status. */
export function conclude() {
  say(`${tally.passed} passed, ${tally.failed} failed${tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''}`);
  return tally.failed > 0 || tally.passed === 0 ? 1 : 0;
}

/** Asks until the probe gives something truthy, and gives that back. */
export async function until(what, probe, timeoutMs = 10_000) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
