import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { deviceId } from '../store/browser.js';

/** The name of the cookie that recognises a browser whose page claims its user once and never again. */
export const DEVICE_COOKIE = 'relay_device';

/** How long a browser keeps it, seconds: 30 days. */
const MAX_AGE = 30 * 86_400;

/** `relay_device` cookies: a random id, signed for one host, so that one made up or carried elsewhere is worthless. */
export interface DeviceCookies {
  /** The device of a cookie's value, `undefined` when it is not ours or not for this host. */
  read(value: string | undefined, host: string): string | undefined;
  /** A new device, and the Set-Cookie header for it. */
  issue(host: string, secure: boolean, userAgent: string): { device: string; header: string };
  rekey(secret: string, previous: string | undefined): void;
}

export function createDeviceCookies(secret: string, previous: string | undefined): DeviceCookies {
  let keys = [secret, ...(previous === undefined ? [] : [previous])];

  return {
    read(value, host) {
      const [device, signature] = value?.split('.') ?? [];
      if (device === undefined || signature === undefined) return undefined;
      return keys.some((key) => equal(signature, sign(key, device, host))) ? device : undefined;
    },
    issue(host, secure, userAgent) {
      const agent = createHash('sha256').update(userAgent).digest('base64url');
      const device = deviceId(Date.now(), agent, randomBytes(16).toString('base64url'));
      const value = `${device}.${sign(keys[0] ?? '', device, host)}`;
      const attributes = ['Path=/', `Max-Age=${MAX_AGE}`, 'HttpOnly', 'SameSite=Lax', ...(secure ? ['Secure'] : [])];
      return { device, header: [`${DEVICE_COOKIE}=${value}`, ...attributes].join('; ') };
    },
    rekey(next, nextPrevious) {
      keys = [next, ...(nextPrevious === undefined ? [] : [nextPrevious])];
    },
  };
}

function sign(key: string, device: string, host: string): string {
  return createHmac('sha256', key).update(`relay_device|${host}|${device}`).digest('base64url');
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
