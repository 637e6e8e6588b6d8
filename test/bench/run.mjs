/** `npm run bench -- …` */
import { runCli } from '../support/run-typescript.mjs';

await runCli(import.meta.dirname);
