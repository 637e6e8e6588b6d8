import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/ports.js';
import type { Replica, ReplicaOptions } from '../replica.js';
import { launch } from '../server-process.js';

/** Where Debian's package libnginx-mod-nchan has it. */
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';

export function nchanIsHere(): boolean {
  return existsSync(MODULE) && spawnSync('/usr/sbin/nginx', ['-v']).status === 0;
}

/** nginx with one channel a user, into which whoever asks may publish. */
export async function startNchan({ folder, placement }: ReplicaOptions): Promise<Replica> {
  if (!nchanIsHere()) throw new Error('nginx and libnginx-mod-nchan are not installed');
  const port = await freePort();
  const conf = join(folder, 'nginx.conf');
  await writeFile(conf, configuration(folder, port));
  const { process } = await launch(
    {
      command: [...placement, '/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', conf],
      env: {},
      cwd: folder,
      log: join(folder, 'nginx.log'),
    },
    // said once it listens
    (line) => (line.includes('event method') ? true : undefined),
  );
  return { process, pagePort: port, callPort: port };
}

// One process is master and worker in one: all of its processor time is seen, and a killed run leaves no worker behind.
function configuration(folder: string, port: number): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`);
  return `load_module ${MODULE};
daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h; ${paths.join(' ')}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/publish/(\\d+)$ { nchan_publisher http; nchan_channel_id $1; }
    location ~ ^/pages/(\\d+)$ { nchan_subscriber websocket; nchan_channel_id $1; }
  }
}
`;
}
