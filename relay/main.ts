#!/usr/bin/env node
import { checkConfig } from './cli/check-config.js';
import { doctor } from './cli/doctor.js';
import { learn } from './cli/learn.js';
import { start } from './cli/start.js';
import { printToken } from './cli/token.js';

/** The process's edge: only this file and `cli/` touch `process`. */
const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  start,
  'check-config': checkConfig,
  token: printToken,
  doctor,
  learn,
};

const [name = 'start', ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) {
  process.stderr.write(`relay: unknown command "${name}"; it takes one of: ${Object.keys(COMMANDS).join(', ')}\n`);
  process.exitCode = 64;
} else process.exitCode = await command(args);
