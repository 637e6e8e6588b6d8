import { fileURLToPath } from 'node:url';
import { startChild } from '../support/process.js';
import { onTeardown } from '../support/teardown.js';

/** The cookie of a site whose session ids name the user; every browser has a session of its own. */
export const sessionCookie = (user: string, browser: string) => ({
  name: 'PHPSESSID',
  value: `session-of-${user}-in-${browser}`,
});

/** @param conversations the users of each; conversation ids begin with 1. @returns the backend's URL */
export async function startBackend(conversations: readonly (readonly string[])[]): Promise<string> {
  const program = fileURLToPath(new URL('backend-server.mjs', import.meta.url));
  const child = startChild(process.execPath, [program], { env: { CONVERSATIONS: JSON.stringify(conversations) } });
  onTeardown(() => child.kill());
  const line = await child.line(/^port \d+$/);
  return `http://127.0.0.1:${line.slice('port '.length)}/relay-backend.php`;
}
