// `npm test`: installs what the tests need, builds, runs every part and ends with the sum of them all.
//
//   npm test                           everything
//   npm test -- unit browser           only these parts: unit, integration, legacy, php, product, browser, load, chaos
//   npm test -- unit --nodes=20.19,26  ... and unit and integration once more under each of these versions of Node
import { requireNode } from './node-version.mjs';

requireNode();
// Only now, and not by a static import: an older Node cannot even parse it.
void import('./run-tests.mjs');
