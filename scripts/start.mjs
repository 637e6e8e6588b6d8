// `npm start`: installs and builds what is missing, then becomes the relay.
//
// package.json calls it by `exec`, so that a signal to npm reaches this process and not a shell that would die of it
// and leave the relay behind; the `||` is for Windows, whose shell has no exec.
import { requireNode } from './node-version.mjs';

requireNode();
// Only now, and not by a static import: an older Node cannot even parse it.
void import('./start-relay.mjs');
