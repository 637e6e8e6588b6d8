import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('SECURITY.md', () => {
  const rows = read('SECURITY.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| who | what'));
  const shown = rows.flatMap((row) => {
    const cell = row.split('|').at(-2) ?? '';
    const parts = [...cell.matchAll(/`(test\/[^`]+)`(?:: “([^”]+)”)?/g)];
    return parts.map(([, path = '', name]) => ({ path, name }));
  });

  test('names a test for each row', () => {
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter((row) => !/`test\/[^`]+`/.test(row))).toEqual([]);
  });

  test('names tests that there are', () => {
    for (const { path, name } of shown) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      if (name !== undefined) expect(read(path), path).toContain(name);
    }
    expect(shown.filter(({ name }) => name !== undefined).length).toBeGreaterThan(15);
  });
});

describe('what is installed', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<
      string,
      { version?: string; integrity?: string; resolved?: string; dev?: boolean; devOptional?: boolean }
    >;
  };
  const own = JSON.parse(read('package.json')) as Record<string, unknown>;

  test('is what the lock says, byte for byte, from whichever registry', () => {
    const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
    expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
    expect(lock.packages['']).toMatchObject({
      dependencies: own.dependencies,
      devDependencies: own.devDependencies,
    });
  });

  test('comes by npm ci wherever a program of ours installs', () => {
    const files = [
      'docker/Dockerfile',
      '.ci/run',
      ...readdirSync(join(ROOT, 'scripts')).map((name) => `scripts/${name}`),
    ];
    const text = files
      .filter((path) => /\.mjs$|Dockerfile$|run$/.test(path))
      .map(read)
      .join('\n');
    expect(text).toMatch(/npm ci|'ci'/);
    expect(text).not.toMatch(/npm (i|install)\b(?! -g)/);
  });

  test('is listed by npm run sbom, without a network', { timeout: 30_000 }, () => {
    const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--offline'];
    // not with --omit dev: npm 11 then leaves out what a package for development needs as well
    expect(own.scripts).toMatchObject({ sbom: `npm ${args.slice(0, 4).join(' ')}` });
    const { components } = JSON.parse(
      execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as { components: { name: string; version: string }[] };
    const listed = components.map(({ name, version }) => `${name} ${version}`);
    const ours = Object.entries(lock.packages)
      .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')} ${version}`);
    expect(ours.length).toBeGreaterThan(100);
    expect(ours.filter((one) => !listed.includes(one))).toEqual([]);
  });
});
