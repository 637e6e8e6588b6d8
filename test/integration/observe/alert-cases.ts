/**
 * How often the series of a case have a sample, and rules are evaluated: as in docker/prometheus/prometheus.yml, but
 * where a case takes hours.
 */
export const intervalOf = ({ at }: Case): '15s' | '1m' => (at === '20m' ? '15s' : '1m');

/** Stands in a series for the case's own instance, or code: many cases are then shown to one Prometheus. */
export const OWN = 'OWN';

export interface Case {
  readonly alert: string;
  /** In words. */
  readonly when: string;
  /** `0+2x40` is 0, 2, 4 … 80; `5x40` is 41 times 5. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly fires: boolean;
}

type Series = Case['series'];

const of = (name: string, label = ''): string => `${name}{job="relay", instance="${OWN}"${label && `, ${label}`}}`;

function cases(alert: string, firing: [string, Series, string?], ...silent: [string, Series, string?][]): Case[] {
  const one = ([when, series, at = '20m']: [string, Series, string?], fires: boolean): Case => {
    return { alert, when, series, at, fires };
  };
  return [one(firing, true), ...silent.map((each) => one(each, false))];
}

/** So many of each hundred observations took at most the first bound; all took at most the second. */
function slow(metric: string, within: string, limit: string, percent: number): Series {
  return {
    [of(`${metric}_bucket`, `le="${within}"`)]: `0+${percent}x100`,
    [of(`${metric}_bucket`, `le="${limit}"`)]: '0+100x100',
    [of(`${metric}_bucket`, 'le="+Inf"')]: '0+100x100',
  };
}

const notify = (status: number, values: string): Series => ({
  [of('relay_notify_total', `status="${status}"`)]: values,
});
const sockets = (values: string): Series => ({ [of('relay_connections', 'transport="websocket"')]: values });
const rejected = (values: string): Series => ({ [of('relay_rejected_total', `code="${OWN}"`)]: values });

export const CASES: readonly Case[] = [
  ...cases('RelayMissing', ['nothing is scraped', {}, '30m'], ['one is', { [of('up')]: '1x100' }]),
  ...cases(
    'RelayDown',
    ['it does not answer', { [of('up')]: '1 1 0x100' }],
    ['it missed two scrapes', { [of('up')]: '1 1 0 0 1x100' }],
  ),
  ...cases(
    'RelayRestarting',
    ['it started again and again', { [of('process_start_time_seconds')]: '1x10 2x10 3x10 4x60' }],
    ['a new version was tried and taken back', { [of('process_start_time_seconds')]: '1x10 2x10 3x60' }],
  ),
  ...cases(
    'RelayNotifyFails',
    ['Redis is away and PHP goes on trying', notify(503, '0+2x100')],
    ['a moment of it', notify(503, '0 5 9x100')],
    ['all are taken', notify(200, '0+90x100')],
  ),
  ...cases(
    'RelayNotifyUnauthorized',
    ['PHP has another secret', notify(401, '0+1x100')],
    ['somebody tried once', notify(401, '0 0 1x100')],
  ),
  ...cases(
    'RelayNotifyInvalid',
    ['a row that is no message', notify(400, '0+1x100')],
    ['a few of them', notify(413, '0 1 3 5x100')],
  ),
  ...cases('RelayNotifyTooMany', ['a mailing', notify(429, '0+50x100')], ['a burst', notify(429, '0 100 300 300x100')]),
  ...cases(
    'RelayDeliverSlow',
    ['two of a hundred wait', slow('relay_deliver_seconds', '0.5', '1', 98)],
    ['hardly one does', slow('relay_deliver_seconds', '0.5', '1', 99.5)],
  ),
  ...cases(
    'RelayConfirmSlow',
    ['two of a hundred wait', slow('relay_confirm_seconds', '5', '10', 98)],
    ['hardly one does', slow('relay_confirm_seconds', '5', '10', 99.5)],
  ),
  ...cases(
    'RelayUnconfirmed',
    ['three to a socket', { [of('relay_unconfirmed')]: '300x100', ...sockets('100x100') }],
    ['as many in a crowd', { [of('relay_unconfirmed')]: '300x100', ...sockets('200x100') }],
    ['a burst', { [of('relay_unconfirmed')]: '0 900x8 0x100', ...sockets('100x100') }],
  ),
  ...cases(
    'RelayRefusals',
    ['a page of a new address, all at once', rejected('0x70 0+20x30'), '90m'],
    ['no more than an hour ago', rejected('0+20x150'), '140m'],
    ['a few', rejected('0x70 0+4x30'), '90m'],
  ),
  ...cases(
    'RelaySlowConsumers',
    ['one after another', { [of('relay_slow_consumers_total')]: '0+1x100' }],
    ['some', { [of('relay_slow_consumers_total')]: '0x10 8x100' }],
  ),
  ...cases(
    'RelayStoreDown',
    ['Redis is away', { [of('relay_store_up')]: '1 1 0x100' }],
    ['it was restarted', { [of('relay_store_up')]: '1 1 0 0 1x100' }],
  ),
  ...cases(
    'RelayStoreSlow',
    ['Redis is busy', { [of('relay_store_probe_seconds')]: '0.4x100', [of('relay_store_up')]: '1x100' }],
    [
      'it is away, which is told already',
      { [of('relay_store_probe_seconds')]: '4x100', [of('relay_store_up')]: '0x100' },
    ],
    ['far away, but quick', { [of('relay_store_probe_seconds')]: '0.1x100', [of('relay_store_up')]: '1x100' }],
  ),
  ...cases(
    'RelayStoreReconnects',
    ['connections go silent again and again', { [of('relay_store_reconnects_total')]: '0x10 1x5 2x5 3x80' }],
    ['Redis was restarted', { [of('relay_store_reconnects_total')]: '0x10 2x90' }],
  ),
  ...cases(
    'RelayBackendFails',
    [
      'one in five questions',
      {
        [of('relay_backend_failures_total')]: '0+1x100',
        [of('relay_backend_seconds_count', 'action="identify"')]: '0+5x100',
      },
    ],
    [
      'one in twenty',
      {
        [of('relay_backend_failures_total')]: '0+1x100',
        [of('relay_backend_seconds_count', 'action="identify"')]: '0+20x100',
      },
    ],
    [
      'nothing is asked',
      {
        [of('relay_backend_failures_total')]: '4x100',
        [of('relay_backend_seconds_count', 'action="identify"')]: '4x100',
      },
    ],
  ),
  ...cases(
    'RelayEventLoopLag',
    ['late all the time', { [of('nodejs_eventloop_lag_p99_seconds')]: '0.3x100' }],
    ['late once', { [of('nodejs_eventloop_lag_p99_seconds')]: '0.01x10 3x10 0.01x80' }],
  ),
  ...cases(
    'RelayMemoryGrows',
    [
      'a leak',
      { [of('process_resident_memory_bytes')]: '200000000x360 500000000x120', ...sockets('1000x480') },
      '7h30m',
    ],
    [
      'twice the people',
      {
        [of('process_resident_memory_bytes')]: '200000000x360 500000000x120',
        ...sockets('1000x360 2000x120'),
      },
      '7h30m',
    ],
    [
      'little altogether',
      { [of('process_resident_memory_bytes')]: '90000000x360 200000000x120', ...sockets('1000x480') },
      '7h30m',
    ],
  ),
];
