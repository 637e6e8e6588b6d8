// Who the operator is: a key that signs each call in this tab, or a token that somebody made. Neither is ever part of
// an address, and the secret itself is kept nowhere: what is left of it is a key that cannot be read out again.

const KEPT_TOKEN = 'relay-console-token';
/** Seconds; a call takes a second at most. */
const LIFE = 60;
const HMAC = { name: 'HMAC', hash: 'SHA-256' };
const utf8 = new TextEncoder();

let key;
let token = sessionStorage.getItem(KEPT_TOKEN) ?? undefined;
/** How far the relay's clock is ahead of this machine's, milliseconds. */
let ahead = 0;

export const canSign = () => globalThis.crypto?.subtle !== undefined;
export const isSignedIn = () => key !== undefined || token !== undefined;
/** A token of the relay's command line is bound to no body, so it lets nobody send anything. */
export const mayAct = () => key !== undefined;

export async function signIn(proof) {
  signOut();
  if (looksLikeToken(proof)) {
    token = proof;
    sessionStorage.setItem(KEPT_TOKEN, proof);
    return;
  }
  if (!canSign())
    throw new Error('This is no token, and with a secret this page works on https:// and localhost only.');
  key = await crypto.subtle.importKey('raw', utf8.encode(proof), HMAC, false, ['sign']);
  // the clocks of an operator's machine and of the server differ: tokens are made by the server's
  const { headers } = await fetch('/health/live', { cache: 'no-store' });
  readClock(headers);
}

export function signOut() {
  key = undefined;
  token = undefined;
  sessionStorage.removeItem(KEPT_TOKEN);
}

/** Calls the internal API. Throws a CallError; `status` 0 where there was no answer. */
export async function call(path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = { authorization: `Bearer ${await bearer(text)}` };
  if (text !== undefined) headers['content-type'] = 'application/json';
  const method = text === undefined ? 'GET' : 'POST';
  const response = await fetch(path, { method, headers, body: text, cache: 'no-store' }).catch((cause) => {
    throw new CallError(0, { message: 'The relay does not answer.' }, cause);
  });
  readClock(response.headers);
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new CallError(response.status, answer.error ?? { message: `HTTP ${response.status}` });
}

export class CallError extends Error {
  constructor(status, { code = '', message, server_time: serverTime }, cause) {
    super(message, { cause });
    this.status = status;
    this.code = code;
    this.serverTime = serverTime;
  }
}

async function bearer(text) {
  if (key === undefined) return token;
  const iat = Math.floor((Date.now() + ahead) / 1000);
  const bound = text === undefined ? {} : { body: hex(await crypto.subtle.digest('SHA-256', utf8.encode(text))) };
  const claims = { aud: 'relay:internal', iat, exp: iat + LIFE, ...bound };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${base64(await crypto.subtle.sign(HMAC, key, utf8.encode(signed)))}`;
}

function readClock(headers) {
  const date = Date.parse(headers.get('date') ?? '');
  if (!Number.isNaN(date)) ahead = date - Date.now();
}

function looksLikeToken(text) {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(text);
}

const encode = (value) => base64(utf8.encode(JSON.stringify(value)));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function base64(bytes) {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
