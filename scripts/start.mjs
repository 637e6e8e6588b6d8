// `npm start`: installs and builds what is missing, then becomes the relay.
//
// package.json calls it by `exec`, so that a signal to npm reaches this process and not a shell that would die of it
// and leave the relay behind; the `||` is for Windows, whose shell has no exec.
import { pathToFileURL } from 'node:url';
import { requireNode } from './node-version.mjs';

requireNode();
// Only now: an older Node may not even parse the rest.
const { ROOT, ENTRY, LOCK, isStale, buildNow } = await import('./build.mjs');
const { packagesMissing, installPackages } = await import('./packages.mjs');
const { withLock } = await import('./lock.mjs');

// stdout is the relay's log alone.
const say = (text) => console.error(text);
const lacking = () => packagesMissing(ROOT, { dev: isStale() });

try {
  if (lacking() || isStale()) await withLock(LOCK, prepare, say);
} catch (error) {
  say(error.message);
  process.exit(1);
}

// In this very process, so that signals reach the relay and its exit status is this command's.
process.argv = [process.execPath, ENTRY, 'start', ...process.argv.slice(2)];
await import(pathToFileURL(ENTRY).href);

async function prepare() {
  const building = isStale();
  if (lacking()) {
    say('Installing packages (once) …');
    await installPackages(ROOT, { dev: building });
  }
  if (building) {
    say('Building …');
    await buildNow();
  }
}
