import { SETTINGS, type Setting } from '../settings/table.js';
import { readConfig, reportProblems } from './environment.js';

/** `relay check-config [--json]`: whether a start would take the settings, and what each is. Secrets are not shown. */
export async function checkConfig(args: readonly string[]): Promise<number> {
  try {
    const { config, warnings } = readConfig();
    const shown = Object.entries(SETTINGS).map(([name, row]: [string, Setting<unknown>]) => {
      const value: unknown = Reflect.get(config, name);
      if (name === 'secret' && config.secretMadeUp) return [row.variable, '(not set: made up for each run)'] as const;
      return [row.variable, isSecret(row.variable) ? hide(value) : show(value)] as const;
    });
    const lines = [
      ...shown.map(([variable, value]) => `${variable}=${value}`),
      ...warnings.map((w) => `warning: ${w}`),
    ];
    const text = args.includes('--json')
      ? JSON.stringify({ ok: true, settings: Object.fromEntries(shown), warnings }, undefined, 2)
      : lines.join('\n');
    process.stdout.write(`${text}\n`);
    return 0;
  } catch (error) {
    if (args.includes('--json'))
      process.stdout.write(`${JSON.stringify({ ok: false, ...problemsOf(error) }, undefined, 2)}\n`);
    return reportProblems(error);
  }
}

function problemsOf(error: unknown): object {
  return typeof error === 'object' && error !== null && 'problems' in error ? { problems: error.problems } : {};
}

/** A Redis URL may hold a password. */
function isSecret(variable: string): boolean {
  return /SECRET|REDIS_URL/.test(variable);
}

function hide(value: unknown): string {
  return value === undefined ? '' : '(set)';
}

function show(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? '(set)' : String(value);
}
