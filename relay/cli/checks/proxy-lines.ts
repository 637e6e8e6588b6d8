import type { Answer } from '../ask.js';

/** What goes into a proxy's configuration, by the proxy that answered. */
export interface ProxyLines {
  readonly nginx: readonly string[];
  readonly apache: readonly string[];
}

const RELAY = '127.0.0.1:3000';

export const UPGRADE: ProxyLines = {
  nginx: [
    'proxy_http_version 1.1;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection "upgrade";',
  ],
  apache: [
    'RewriteEngine On',
    'RewriteCond %{HTTP:Upgrade} =websocket [NC]',
    `RewriteRule ^/socket\\.io/(.*) ws://${RELAY}/socket.io/$1 [P,L]`,
  ],
};

export const FORWARD: ProxyLines = {
  nginx: [
    `location /socket.io/ { proxy_pass http://${RELAY}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }`,
  ],
  apache: [`ProxyPass /socket.io/ http://${RELAY}/socket.io/`],
};

export const STICKY: ProxyLines = {
  nginx: ['hash $remote_addr$http_user_agent consistent;'],
  // its balancers know a browser by a cookie only, which pages of another origin do not send
  apache: [
    '# Apache keeps nobody on one replica by the address: lead it to one; before several, put nginx',
    ...FORWARD.apache,
  ],
};

export const PATIENT: ProxyLines = {
  nginx: ['proxy_read_timeout 120s;'],
  apache: ['ProxyTimeout 120'],
};

export const HIDDEN: ProxyLines = {
  nginx: ['location ~ ^/(notify|presence|users|disconnect|messages|stats|metrics|health)(/|$) { return 404; }'],
  // not RedirectMatch: ProxyPass is asked before it
  apache: [
    'RewriteEngine On',
    'RewriteRule ^/(notify|presence|users|disconnect|messages|stats|metrics|health)(/|$) - [R=404,L]',
  ],
};

export const NAMING: ProxyLines = {
  nginx: ['proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'],
  apache: ['ProxyAddHeaders On'],
};

/** The lines for the proxy that gave the answer, and for both where it does not say which it is. */
export function linesFor(lines: ProxyLines, answer: Answer | undefined): readonly string[] {
  const server = serverOf(answer);
  if (/nginx|openresty/i.test(server)) return lines.nginx;
  if (/apache/i.test(server)) return lines.apache;
  return ['# nginx', ...lines.nginx, '# Apache', ...lines.apache];
}

/** Who answered, in words. */
export function whoAnswered(answer: Answer): string {
  return serverOf(answer).split('/')[0] || 'what answers';
}

function serverOf(answer: Answer | undefined): string {
  return String(answer?.headers.server ?? '');
}
