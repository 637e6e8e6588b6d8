import { DEVICE_COOKIE } from '../identity/device.js';

export interface RequestCookies {
  /** The Cookie header without our own cookie, `undefined` when nothing is left: what the site's session is in. */
  readonly site: string | undefined;
  /** The value of `relay_device`. */
  readonly device: string | undefined;
}

const NONE: RequestCookies = { site: undefined, device: undefined };

export function splitCookies(header: string | undefined): RequestCookies {
  if (header === undefined) return NONE;
  const pairs = header.split(/;\s*/).filter((pair) => pair !== '');
  const prefix = `${DEVICE_COOKIE}=`;
  const site = pairs.filter((pair) => !pair.startsWith(prefix)).join('; ');
  const device = pairs.find((pair) => pair.startsWith(prefix))?.slice(prefix.length);
  return { site: site === '' ? undefined : site, device };
}
