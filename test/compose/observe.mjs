import assert from 'node:assert/strict';
import { check, skip, until } from './check.mjs';
import { compose, docker, inside, inspect } from './stack.mjs';

const PROMETHEUS = `http://127.0.0.1:${process.env.PROMETHEUS_PORT}`;
const GRAFANA = `http://127.0.0.1:${process.env.GRAFANA_PORT}`;

/** The profile `observe`, beside a stack that has been up for a while. */
export async function checkObserve() {
  await check('the profile `observe` adds Prometheus and Grafana, and is off unless asked for', async () => {
    const usual = (await compose('config', '--services')).split('\n');
    const all = JSON.parse(await compose('--profile', 'observe', 'config', '--format', 'json'));
    const added = Object.keys(all.services).filter((name) => !usual.includes(name));
    assert.deepEqual(added.sort(), ['grafana', 'prometheus']);
    for (const { ports, read_only, networks } of added.map((name) => all.services[name])) {
      assert.deepEqual(
        ports.map((port) => port.host_ip),
        ['127.0.0.1'],
      );
      assert.equal(read_only, true);
      assert.ok('watch' in networks);
    }
    const { networks, environment } = all.services.grafana;
    assert.deepEqual(Object.keys(networks), ['watch']);
    assert.equal(environment.GF_AUTH_ANONYMOUS_ENABLED, 'false');
    assert.ok(!('GF_SECURITY_ADMIN_PASSWORD' in environment));
  });

  await checkPrometheus();
  if (await isHere('grafana')) await checkGrafana();
  else skip('Grafana comes up with the dashboard, behind a password', 'its image can not be had here');
}

async function checkPrometheus() {
  await check('Prometheus comes up, finds each relay and follows when one goes', async () => {
    await compose('--profile', 'observe', 'up', '--detach', '--no-build', '--no-recreate', '--wait', 'prometheus');
    const relays = (await inspect('relay')).filter((one) => one.State.Running);
    await until('every relay to be scraped', async () => (await scraped()) === relays.length, 60_000);
    const [gone] = relays;
    await docker('stop', gone.Id);
    // No target that is down: the name has an address less.
    await until('one target less', async () => (await targets()) === relays.length - 1, 90_000);
  });

  await check('its rules are loaded, evaluated without an error, and silent', async () => {
    const rules = await until(
      'every rule to be evaluated',
      async () => {
        const { groups } = await ask('/rules');
        const all = groups.flatMap((group) => group.rules);
        return all.length > 0 && all.every(({ health }) => health !== 'unknown') && all;
      },
      60_000,
    );
    assert.deepEqual(
      rules.filter(({ health }) => health !== 'ok'),
      [],
    );
    assert.deepEqual(
      rules.filter(({ state }) => state === 'firing').map(({ name }) => name),
      [],
    );
  });

  await check('Prometheus runs as nobody special, and holds no secret', async () => {
    const [one] = await inspect('prometheus');
    assert.equal(one.HostConfig.ReadonlyRootfs, true);
    assert.deepEqual(one.Mounts.map(({ Destination }) => Destination).sort(), ['/etc/prometheus', '/prometheus']);
    assert.match((await inside('prometheus', 1, 'cat', '/proc/1/status')).said, /^Uid:\s+65534\s/m);
  });
}

async function checkGrafana() {
  await check('Grafana comes up with the dashboard, behind a password that is made up', async () => {
    await compose('--profile', 'observe', 'up', '--detach', '--no-build', '--no-recreate', '--wait', 'grafana');
    await until('Grafana', async () => (await fetch(`${GRAFANA}/api/health`).catch(() => undefined))?.ok, 120_000);
    const { said } = await inside('grafana', 1, 'cat', '/var/lib/grafana/admin-password');
    const ask = (password) =>
      fetch(`${GRAFANA}/api/dashboards/uid/relay`, {
        headers: password ? { authorization: `Basic ${btoa(`admin:${password}`)}` } : {},
      });
    assert.equal((await ask()).status, 401);
    assert.equal((await ask('admin')).status, 401);
    assert.equal((await ask(said)).status, 200);
  });
}

/** Whether the image of a service is here, or can be had. */
async function isHere(service) {
  const { image } = JSON.parse(await compose('--profile', 'observe', 'config', '--format', 'json')).services[service];
  return await docker('image', 'inspect', image)
    .catch(() => docker('pull', '--quiet', image))
    .then(
      () => true,
      () => false,
    );
}

const scraped = () => number('sum(up{job="relay"} == 1)');
const targets = () => number('count(up{job="relay"})');

async function number(query) {
  const { result } = await ask(`/query?query=${encodeURIComponent(query)}`);
  return Number(result[0]?.value[1] ?? 0);
}

async function ask(path) {
  const { status, error, data } = await (await fetch(`${PROMETHEUS}/api/v1${path}`)).json();
  assert.equal(status, 'success', error);
  return data;
}
