import { reasonOf } from '../ask.js';
import { type Finding, fail, ok, warn } from '../finding.js';
import { describe } from '../json.js';

const WITHIN = 5_000;
const CLIENT = /socket\.io[^/]*\.js(\?|$)|\/socket\.io\//i;
const RELAY_CLIENT = /relay-client\.js(\?|$)/;

/** What the page itself loads, and where its `io('…')` leads, as far as its HTML shows it. */
export async function checkPage(page: URL, relay: URL, allowEio3: boolean): Promise<readonly Finding[]> {
  const got = await load(page);
  if (typeof got === 'string') return [fail('page', `${page.href}: ${got}`, `curl -sS -I ${page.href}`)];
  const guarded = got.redirected || got.status === 401 || got.status === 403;
  if (got.status !== 200 && !guarded) {
    return [fail('page', `${page.href} is answered ${got.status}`, `curl -sS -I ${page.href}`)];
  }
  if (guarded) {
    const why = `${page.href} leads to ${got.url} (${got.status}): a login? What stands behind it is not seen`;
    return [warn('page', why, 'npx relay doctor --page https://…   # the address of a page that needs no login')];
  }
  const sources = scriptsOf(got.text, page);
  const client = sources.findIndex(({ href }) => CLIENT.test(href) && !RELAY_CLIENT.test(href));
  const wrapper = sources.findIndex(({ href }) => RELAY_CLIENT.test(href));
  const found = [...sources.filter((_, index) => index === client || index === wrapper)];
  const findings = await Promise.all(found.map((source) => checkScript(source, page, relay, allowEio3)));
  if (client < 0) {
    const why = `${page.href} loads no Socket.IO client that its HTML shows`;
    findings.unshift(warn('page', why, `<script src="${relay.origin}/socket.io/socket.io.min.js"></script>`));
  }
  if (wrapper >= 0 && wrapper < client) {
    const why = 'relay-client.js comes before the Socket.IO client: it finds no io() to wrap';
    findings.push(fail('page order', why, `<script src="${relay.origin}/relay-client.js"></script>   <!-- second -->`));
  }
  return [...findings, ...checkTargets(got.text, page, relay)];
}

async function checkScript(source: URL, page: URL, relay: URL, allowEio3: boolean): Promise<Finding> {
  const check = RELAY_CLIENT.test(source.href) ? 'page relay-client' : 'page script';
  const own = RELAY_CLIENT.test(source.href) ? 'relay-client.js' : 'socket.io/socket.io.min.js';
  const mend = `<script src="${relay.origin}/${own}"></script>`;
  if (page.protocol === 'https:' && source.protocol === 'http:') {
    return fail(check, `${source.href} is plain HTTP on a page of https: browsers don't load it`, mend);
  }
  const got = await load(source);
  if (typeof got === 'string') return fail(check, `${source.href}: ${got}`, mend);
  if (got.status !== 200) return fail(check, `${source.href} is answered ${got.status}`, mend);
  if (!/javascript|ecmascript/.test(got.type)) {
    return fail(check, `${source.href} is ${got.type || 'of no type'}, no JavaScript: ${describe(got.text)}`, mend);
  }
  const version = /Socket\.IO v(\d+)\.[\d.]+/i.exec(got.text);
  const old = version !== null && Number(version[1]) < 3;
  if (old && !allowEio3) return fail(check, `${source.href} is ${version[0]}: refused`, 'RELAY_ALLOW_EIO3=true', mend);
  return ok(check, `${source.href} is ${version?.[0] ?? 'there'}`);
}

/** Every `io('…')` that is written out in the page. */
function checkTargets(html: string, page: URL, relay: URL): readonly Finding[] {
  const inline = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/gi)].map(([, code = '']) => code);
  const targets = inline.flatMap((code) => [...code.matchAll(/\bio(?:\.connect)?\(\s*(['"`])(.*?)\1/g)]);
  return [...new Set(targets.map(([, , target = '']) => target))].map((target) => {
    const address = addressOf(target, page);
    if (/\$\{|<\?/.test(target) || !URL.canParse(address)) return ok('page io()', `${target} is made in the page`);
    const url = new URL(address);
    if (placeOf(url) === placeOf(relay)) return ok('page io()', `io('${target}') leads to this relay`);
    const why = `io('${target}') leads to ${url.host}, this relay is ${relay.host}`;
    return fail('page io()', why, `io('${relay.origin}')`);
  });
}

/** As socket.io-client reads it (its url.js): without a protocol it begins with a host, and after one `/` comes a namespace. */
function addressOf(target: string, { protocol, host }: URL): string {
  if (/^(https?|wss?):\/\//.test(target)) return target;
  if (target.startsWith('//')) return `${protocol}${target}`;
  return target === '' || target.startsWith('/') ? `${protocol}//${host}${target}` : `${protocol}//${target}`;
}

/** `wss://host` and `https://host:443` are one place. */
function placeOf({ protocol, hostname, port }: URL): string {
  const secure = /^(https|wss):$/.test(protocol);
  return `${secure ? 'tls' : 'plain'} ${hostname}:${port || (secure ? 443 : 80)}`;
}

function scriptsOf(html: string, page: URL): readonly URL[] {
  const tags = [...html.matchAll(/<script\b[^>]*\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi)];
  return tags.flatMap(([, double, single, bare]) => {
    const source = (double ?? single ?? bare ?? '').replaceAll('&amp;', '&');
    return URL.canParse(source, page.href) ? [new URL(source, page.href)] : [];
  });
}

/** What is there, or why nothing is. */
async function load(url: URL) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(WITHIN) });
    const type = response.headers.get('content-type') ?? '';
    const { status, redirected, url: final } = response;
    return { status, redirected, url: final, type, text: await response.text() };
  } catch (error) {
    return reasonOf(error);
  }
}
