import type { Config } from '../../config.js';
import type { Payload } from '../../messages/legacy-fields.js';
import { type Finding, fail, ok } from '../finding.js';
import type { InternalApi } from '../internal-api.js';
import { errorOf, objectOf } from '../json.js';

/** Whether the relay believes a token made with the secret of this environment. Gives the figures it then tells. */
export async function checkToken(api: InternalApi, { secretMadeUp }: Config) {
  if (secretMadeUp) {
    const why = 'RELAY_SECRET is not set here: nothing that needs a token can be checked, and PHP could not notify';
    const mend = 'RELAY_SECRET=…   # in .env, the same for the relay and for PHP; openssl rand -hex 32 makes one';
    return { finding: fail('token', why, mend), stats: undefined };
  }
  const { status, text } = await api.get('/stats');
  if (status === 200) {
    return { finding: ok('token', 'the relay believes a token made with RELAY_SECRET'), stats: objectOf(text) ?? {} };
  }
  return { finding: explain(status, text), stats: undefined };
}

export type Stats = Payload;

function explain(status: number, text: string): Finding {
  const { code, message } = errorOf(text);
  const told = `${status} ${code}: ${message}`;
  if (/signature/.test(message)) {
    const why = `RELAY_SECRET here is not the one that the relay runs with (${told})`;
    const mend = [
      '# the same RELAY_SECRET for the relay and for PHP; a token to compare, on either machine:',
      'npx relay token internal',
    ];
    return fail('token', why, ...mend);
  }
  return fail('token', `the relay refused a token of this environment: ${told}`, 'journalctl -u relay -n 50');
}
