// network.mjs address|cidr NAME[,NAME...] - see entry.sh
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';

const [field, names] = process.argv.slice(2);
const own = Object.values(networkInterfaces()).flat();

async function resolve(name) {
  // A name that many containers share has an address for each of them, and only one of those is ours.
  const found = await lookup(name, { all: true }).catch(() => []);
  return own.find(({ address }) => found.some((other) => other.address === address))?.[field] ?? name;
}

const resolved = await Promise.all(names.split(',').map((name) => resolve(name.trim())));
process.stdout.write(resolved.join(','));
