// Figures in words.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const NONE = '–';

export const count = (value) => whole.format(value);
export const many = (value, one) => `${count(value)} ${one}${value === 1 ? '' : 's'}`;
export const rate = (value) => tenths.format(value);
export const percent = (share) => `${whole.format(share * 100)} %`;
export const megabytes = (bytes) => `${whole.format(bytes / 1_048_576)} MiB`;

/** Seconds, as milliseconds below one second. */
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds >= 1) return `${tenths.format(seconds)} s`;
  return `${(seconds < 0.01 ? tenths : whole).format(seconds * 1000)} ms`;
}

/** How long ago, from two times in ISO 8601: both by the relay's clock. */
export function age(since, now) {
  const seconds = Math.max(0, (Date.parse(now) - Date.parse(since)) / 1000);
  if (seconds < 120) return `${whole.format(seconds)} s`;
  if (seconds < 7_200) return `${whole.format(seconds / 60)} min`;
  return seconds < 172_800 ? `${whole.format(seconds / 3_600)} h` : `${whole.format(seconds / 86_400)} days`;
}

/** 14:03:22, or with `.417` for the millisecond, in the reader's own time. */
export function clock(iso, milliseconds = false) {
  const date = new Date(iso);
  const time = date.toLocaleTimeString('en-GB');
  return milliseconds ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time;
}

export const short = (id) => id.slice(0, 8);
export const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0);
