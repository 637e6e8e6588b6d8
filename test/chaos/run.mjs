/** `npm run chaos -- …` */
import { runCli } from '../support/run-typescript.mjs';

await runCli(import.meta.dirname);
