import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { STATUS } from '../../relay/errors.js';
import { SETTINGS, type Setting } from '../../relay/settings/table.js';
import { block, README, section } from '../support/readme.js';

const TRY_PAGE = readFileSync(new URL('../../relay/try/try.html', import.meta.url), 'utf8');

/** The rows of the table behind a marker comment, each as its cells. */
function table(marker: string): string[][] {
  const after = README.slice(README.indexOf(`<!-- ${marker} -->`));
  const lines = after.split('\n').slice(1);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  const rows = lines.slice(2, end).map((line) => line.slice(1, -1).split('|'));
  return rows.map((cells) => cells.map((cell) => cell.trim()));
}

function codes(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

describe('the README', () => {
  test('has a row for each setting, in the order of the code, and none besides', () => {
    const variables = Object.values(SETTINGS).map((row: Setting<unknown>) => row.variable);
    expect(table('settings').map(([variable]) => codes(variable)[0])).toEqual(variables);
  });

  test('tells the defaults that the code has', () => {
    const told = new Map(table('settings').map(([variable, fallback]) => [codes(variable)[0], codes(fallback)[0]]));
    const plain = Object.values(SETTINGS).filter(({ fallback }: Setting<unknown>) =>
      /string|number/.test(typeof fallback),
    );
    for (const { variable, fallback } of plain as Setting<unknown>[]) {
      expect(told.get(variable), variable).toBe(String(fallback));
    }
  });

  test('names no setting that is none, of the relay, of PHP or of the compose files', () => {
    const known = new Set(Object.values(SETTINGS).map((row: Setting<unknown>) => row.variable));
    const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const others = ['docker-compose.yml', 'php-bridge/README.md', 'php-bridge/src/Environment.php']
      .map(read)
      .join('\n');
    const named = [...new Set(README.match(/\b(RELAY|SITE)_[A-Z_]*[A-Z]\b/g))];
    expect(named.length).toBeGreaterThan(known.size);
    const isOne = (name: string) => known.has(name) || known.has(name.replace(/_FILE$/, '')) || others.includes(name);
    expect(named.filter((name) => !isOne(name))).toEqual([]);
  });

  test('names each error of the internal API with its status, and the codes of sockets', () => {
    const rows = table('errors').flatMap(([names, status]) =>
      codes(names).map((code) => [code, Number(status)] as const),
    );
    for (const [code, status] of rows) expect(STATUS[code as keyof typeof STATUS], code).toBe(status);
    expect(Object.keys(STATUS).filter((code) => !README.includes(`\`${code}\``))).toEqual([]);
  });

  test('links to headings that it has', () => {
    const links = [...README.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1]);
    expect(links.filter((link) => !headings.includes(link ?? ''))).toEqual([]);
  });

  test('has the headings to which the page at /try links', () => {
    const links = [...TRY_PAGE.matchAll(/README\.md#([^"]+)/g)].map((match) => match[1]);
    expect(links).toHaveLength(3);
    expect(links.filter((link) => !headings.includes(link ?? ''))).toEqual([]);
  });

  test('and the compose files give a stopping relay more time than it takes to drain', () => {
    const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const told = [
      block('systemd', 'systemd').match(/^TimeoutStopSec=(\d+)$/m),
      block('PM2', 'js').match(/kill_timeout: (\d+)000,/),
      section('Docker').match(/stop_grace_period: (\d+)s/),
      ...['docker-compose.yml', 'docker/beside-a-site.yml'].map((file) =>
        read(file).match(/^ {2}relay:\n(?: {4}.*\n)+? {4}stop_grace_period: (\d+)s$/m),
      ),
    ].map((found) => Number(found?.[1]));
    // the last words of the last sockets, and the closing of what is left
    for (const seconds of told) expect(seconds).toBeGreaterThanOrEqual(SETTINGS.drainSeconds.fallback + 3);
  });
});

const headings = [...README.matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1] ?? ''));

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replace(/ /g, '-');
}
