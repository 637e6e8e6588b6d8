import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Problem } from './problem.js';
import type { Settings } from './table.js';

const CERT = 'RELAY_TLS_CERT_FILE';
const KEY = 'RELAY_TLS_KEY_FILE';

type Files = Pick<Settings, 'tlsCertFile' | 'tlsKeyFile'>;

/** What is wrong with the files that the public listener is to speak TLS with. */
export function tlsProblems({ tlsCertFile, tlsKeyFile }: Files, readFile: (path: string) => string): Problem[] {
  const problems: Problem[] = [];

  function read(variable: string, path: string | undefined, name: 'cert' | 'key', what: string): string | undefined {
    if (path === undefined) return undefined;
    let pem: string;
    try {
      pem = readFile(path);
    } catch {
      problems.push({ variable, message: `must name a file that can be read: ${path}` });
      return undefined;
    }
    const reason = refusal({ [name]: pem });
    if (reason === undefined) return pem;
    problems.push({ variable, message: `must name ${what}: ${path} (${reason})` });
    return undefined;
  }

  const cert = read(CERT, tlsCertFile, 'cert', 'a certificate chain in PEM');
  const key = read(KEY, tlsKeyFile, 'key', 'a private key in PEM, without a passphrase');
  if (cert === undefined || key === undefined) return problems;
  const reason = refusal({ cert, key });
  if (reason !== undefined) {
    problems.push({
      variable: KEY,
      message: `must name the key of the certificate of ${CERT}: ${tlsKeyFile} (${reason})`,
    });
  }
  return problems;
}

/** Why OpenSSL takes them not, in its words without the codes; `undefined` when it does. */
function refusal(options: SecureContextOptions): string | undefined {
  // Node takes an empty text for none given
  if (options.cert === '' || options.key === '') return 'empty';
  try {
    createSecureContext(options);
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return said.slice(said.lastIndexOf(':') + 1).trim();
  }
}
