import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { SITE } from './stack.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'];

/** The machine's Chromium, or undefined where it has none. */
export async function startChromium() {
  const paths = (process.env.PATH ?? '').split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)));
  const executablePath = paths.find(isExecutable);
  return executablePath && (await chromium.launch({ executablePath, args: ARGS, timeout: 30_000 }));
}

/** A browser profile of its own, logged in and with the conversation open. `polling`: a browser without WebSocket. */
export async function openPage(browser, userId, { agent, polling = false }) {
  const context = await browser.newContext({ userAgent: agent });
  if (polling) await context.addInitScript(() => delete globalThis.WebSocket);
  const page = await context.newPage();
  const errors = [];
  let webSockets = 0;
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('websocket', () => {
    webSockets += 1;
  });
  await context.request.get(`${SITE}/login.php?user=${userId}`, { maxRedirects: 0 });
  await page.goto(`${SITE}/messaging.php?conversation=5`);
  // Events are answered in order, so the page's own history came before this one. A message that is written while it
  // is fetched would be in both, and this page leaves nothing out.
  await page.evaluate('new Promise((resolve) => socket.emit("get_messages", { conversation_id: 5 }, resolve))');
  return {
    errors,
    webSockets: () => webSockets,
    write: async (text) => {
      await page.fill('#text', text);
      await page.press('#text', 'Enter');
    },
    waitFor: async (text) =>
      await page.locator('#messages .message .text', { hasText: text }).first().waitFor({ timeout: 15_000 }),
    count: async (text) => await page.locator('#messages .message .text', { hasText: text }).count(),
  };
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
