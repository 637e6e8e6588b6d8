// The last hour, from `GET /stats/history`.

import { byId, element, setText } from './elements.js';
import uPlot from './uplot/uPlot.esm.js';
import { clock, latency, rate } from './words.js';

const HEIGHT = 150;
const PLOTS = [
  {
    title: 'Delivery',
    about: 'accepted to written',
    lines: [
      ['deliver_p50', 'p50'],
      ['deliver_p99', 'p99'],
    ],
    say: latency,
  },
  {
    title: 'Confirmation',
    about: 'accepted to confirmed',
    lines: [
      ['confirm_p50', 'p50'],
      ['confirm_p99', 'p99'],
    ],
    say: latency,
  },
  { title: 'Notifies a second', about: 'from PHP', lines: [['notifies_per_second', 'notifies']], say: rate },
];

const shown = new Map();
let newest;

/** Shows the columns of the last hour. */
export function showHistory(history) {
  newest = history;
  for (const plot of PLOTS) {
    const view = shown.get(plot) ?? open(plot);
    view.chart.setData([history.at, ...plot.lines.map(([column]) => history[column])]);
    tell(plot, view);
  }
}

export function forgetHistory() {
  for (const { chart, figure, resizes } of shown.values()) {
    resizes.disconnect();
    chart.destroy();
    figure.remove();
  }
  shown.clear();
  newest = undefined;
}

/** Colours are taken from the style sheet when a plot is made: another scheme, another plot. */
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  const history = newest;
  forgetHistory();
  if (history !== undefined) showHistory(history);
});

function open(plot) {
  const words = element('p', { className: 'soft' });
  const place = element('div', { className: 'plot', tabIndex: 0 });
  place.setAttribute('role', 'group');
  const caption = element('figcaption', {}, element('b', {}, plot.title), ` ${plot.about}`);
  const figure = element('figure', { className: 'card' }, caption, place, words);
  byId('plots').append(figure);
  const view = { figure, place, words, chart: undefined, resizes: undefined };
  view.chart = new uPlot(optionsOf(plot, view), [[], ...plot.lines.map(() => [])], place);
  place.addEventListener('keydown', (event) => step(view.chart, event));
  place.addEventListener('blur', () => view.chart.setCursor({ left: -10, top: -10 }));
  view.resizes = new ResizeObserver(() => view.chart.setSize({ width: place.clientWidth, height: HEIGHT }));
  view.resizes.observe(place);
  shown.set(plot, view);
  return view;
}

function optionsOf(plot, view) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  const series = plot.lines.map(([, label], index) => ({
    label,
    stroke: colour(index === 0 ? '--one' : '--two'),
    width: 2,
    spanGaps: false,
    points: { size: 4, filter: lonely },
  }));
  return {
    width: Math.max(100, view.place.clientWidth),
    height: HEIGHT,
    series: [{}, ...series],
    axes: [
      { ...axis, values: (_chart, times) => times.map((time) => clock(time * 1000).slice(0, 5)), space: 60, size: 26 },
      { ...axis, values: (_chart, values) => values.map(plot.say), size: 64 },
    ],
    scales: {
      x: { range: span },
      y: { range: (_chart, _least, most) => [0, most * 1.1 || 1] },
    },
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    hooks: { setCursor: [() => tell(plot, view)] },
  };
}

/** Right after a start an hour would be mostly empty: then five minutes. */
const span = (_chart, oldest, end) => [Math.min(oldest, end - 300), end];

/** A line is drawn between two values; one that stands alone would not be seen. */
function lonely({ data }, series) {
  const values = data[series];
  const alone = [...values.keys()].filter((at) => values[at] !== null);
  return alone.filter((at) => (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null);
}

/** One value to the left or right; what stands under the plot says which. */
function step(chart, event) {
  const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity }[event.key];
  const last = chart.data[0].length - 1;
  if (by === undefined || last < 0) return;
  event.preventDefault();
  const from = chart.cursor.idx ?? last + 1;
  const index = Math.min(last, Math.max(0, from + by));
  chart.setCursor({ left: chart.valToPos(chart.data[0][index], 'x'), top: 0 });
}

/** The value under the cursor, else the newest one there is. */
function tell(plot, { chart, words, place }) {
  if (chart === undefined || newest === undefined) return;
  const chosen = chart.cursor.idx ?? undefined;
  const index =
    chosen ?? newest.at.findLastIndex((_at, one) => plot.lines.some(([column]) => newest[column][one] !== null));
  const values = plot.lines.map(([column, label]) => `${label} ${plot.say(newest[column][index] ?? null)}`).join(', ');
  const when = index < 0 ? 'nothing to measure yet' : `${clock(newest.at[index] * 1000)}: ${values}`;
  setText(words, when);
  place.setAttribute('aria-label', `${plot.title}, ${when}`);
}
