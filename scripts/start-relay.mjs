import { pathToFileURL } from 'node:url';
import { buildNow, ENTRY, isStale, LOCK, ROOT } from './build.mjs';
import { withLock } from './lock.mjs';
import { installPackages, packagesMissing } from './packages.mjs';

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
