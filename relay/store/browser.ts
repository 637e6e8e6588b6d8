/**
 * Names under which a browser is recognised again. `s:…` and `t:…` are a session's and a token's; a device's holds when
 * and to which user agent it was given: `d:` + 8 characters of time + 6 of user agent + the rest.
 */
const TIME = 8;
const AGENT = 6;
/**
 * Two tabs that a browser opens together each get a device, and the later one stays; a page whose first 101 was lost
 * is given a second one. So devices given to one kind of browser within this time count as one, milliseconds; for one
 * user, since only a user's own sockets are compared. Taken wrongly, it costs a repeat.
 */
const GIVEN_TOGETHER = 15_000;
const UNCLEAR = '?';
/** Of a browser's names as many are kept of the newest, and of the oldest. */
const KEPT = 2;

/** The id of a device; `agent` and `random` are base64url, the first of at least 6 characters. */
export function deviceId(givenAt: number, agent: string, random: string): string {
  return `${givenAt.toString(36).padStart(TIME, '0')}${agent.slice(0, AGENT)}${random}`;
}

export function deviceName(device: string): string {
  return `d:${device}`;
}

/**
 * The names of a browser that has shown `newer` ones, newest first. Of many those in between go: a page comes back with
 * its newest token, with the one before where it did not hear that the newest was taken, or with what it came with: its
 * session's cookie, its device, or the token that stands in its script.
 */
export function withNames(newer: readonly string[], known: readonly string[]): readonly string[] {
  const all = [...new Set([...newer, ...known])];
  return all.length <= 2 * KEPT ? all : [...all.slice(0, KEPT), ...all.slice(-KEPT)];
}

/**
 * Under these a socket is kept of which nobody can tell whether its page went away or only lost its network: to be found
 * by one that shows, by asking for them, that its page is still the same.
 */
export function unclear(names: readonly string[]): readonly string[] {
  return names.map((name) => UNCLEAR + name);
}

export function isUnclear(names: readonly string[]): boolean {
  return names[0]?.startsWith(UNCLEAR) ?? false;
}

/** Whether two sockets of a user may be the same browser's. */
export function sameBrowser(names: readonly string[], others: readonly string[]): boolean {
  if (names.some((name) => others.includes(name))) return true;
  // who has a proof is recognised by that
  const devices = [...names, ...others];
  return devices.every(isDevice) && names.some((name) => others.some((other) => givenTogether(name, other)));
}

function givenTogether(name: string, other: string): boolean {
  return agentOf(name) === agentOf(other) && Math.abs(givenAt(name) - givenAt(other)) <= GIVEN_TOGETHER;
}

const isDevice = (name: string) => name.startsWith('d:');
const givenAt = (name: string) => Number.parseInt(name.slice(2, 2 + TIME), 36);
const agentOf = (name: string) => name.slice(2 + TIME, 2 + TIME + AGENT);
