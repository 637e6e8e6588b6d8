import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What stands under this address is all that the outside sees of the stack. */
export const SITE = `http://127.0.0.1:${process.env.SITE_PORT}`;

export async function docker(...args) {
  const { stdout } = await run('docker', args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

export async function compose(...args) {
  return await docker('compose', ...args);
}

/** A command inside a container; its exit status and what it said, whatever the status. */
export async function inside(service, index, ...command) {
  try {
    const said = await compose('exec', '-T', '--index', String(index), service, ...command);
    return { status: 0, said };
  } catch (error) {
    return { status: error.code, said: `${error.stdout}${error.stderr}`.trim() };
  }
}

/** The containers of one service, or of all; ended ones too. */
export async function inspect(service) {
  const ids = await compose('ps', '--all', '--quiet', ...(service ? [service] : []));
  return JSON.parse(await docker('inspect', ...ids.split('\n')));
}

/** What the internal API says; asked from within the relay's image, since nothing outside may reach it. */
export async function internal(path) {
  // The entry script says where the internal listener is, as it does for the relay itself.
  const { status, said } = await inside(
    'relay',
    1,
    '/app/docker/entry.sh',
    'node',
    '--input-type=module',
    '-e',
    ASK,
    path,
  );
  if (status !== 0) throw new Error(`internal API ${path}: ${said}`);
  return JSON.parse(said);
}

/** A token for the internal API, made with the stack's own secret. */
export async function internalToken() {
  const { status, said } = await inside(
    'relay',
    1,
    'node',
    '--input-type=module',
    '-e',
    `${TOKEN} console.log(token);`,
  );
  if (status !== 0) throw new Error(said);
  return said;
}

const TOKEN = `
  import { readFileSync } from 'node:fs';
  import jwt from 'jsonwebtoken';
  const secret = readFileSync(process.env.RELAY_SECRET_FILE, 'utf8').trim();
  const token = jwt.sign({ aud: 'relay:internal' }, secret, { algorithm: 'HS256', expiresIn: 60 });
`;
const ASK = `${TOKEN}
  const url = 'http://' + process.env.RELAY_INTERNAL_HOST + ':3001' + process.argv[1];
  const answer = await fetch(url, { headers: { authorization: 'Bearer ' + token } });
  console.log(await answer.text());
`;

/** A user's sockets: each with the replica that it is on and the browser's name. */
export async function socketsOf(userId) {
  return (await internal(`/presence/${userId}`)).sockets;
}
