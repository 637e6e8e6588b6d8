import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/ports.js';
import { startChild } from '../../support/process.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { until } from '../../support/until.js';
import type { Certificate } from './certificates.js';

export interface Nginx {
  /** `http://127.0.0.1:<port>`, or `https://localhost:<port>` with a certificate. */
  readonly url: string;
}

/** What a WebSocket needs of nginx, but for where it leads. */
export const UPGRADING = `
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_buffering off;`;

/** The system's nginx with one server of these lines; `upstream` are the lines of one named `relay`. */
export async function startNginx(server: string, upstream = '', tls?: Certificate): Promise<Nginx> {
  const dir = await tempDir();
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`);
  const plain = `listen 127.0.0.1:${port}`;
  const listen = tls ? `${plain} ssl; ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};` : `${plain};`;
  const conf = `
daemon off; master_process off; pid ${dir}/pid; error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off; ${paths.join(' ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  ${upstream === '' ? '' : `upstream relay { ${upstream} }`}
  server { ${listen} ${server} }
}`;
  await writeFile(join(dir, 'nginx.conf'), conf);
  const child = startChild('nginx', ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')]);
  onTeardown(() => child.kill());
  // also where TLS is spoken: nginx says so to plain HTTP
  const answers = () =>
    child.running ? fetch(`http://127.0.0.1:${port}`) : Promise.reject(new Error(child.output.join('\n')));
  await until('nginx to answer', answers);
  return { url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}` };
}
