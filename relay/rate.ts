/** A token bucket: `rate` a second, at most `burst` at once. A rate of 0 is no limit. */
export interface Rate {
  /** Takes `count` tokens, or none and answers false. */
  take(count?: number): boolean;
  /** Seconds until one can be taken. */
  wait(): number;
}

export function createRate(rate: number, burst = rate, now: () => number = () => performance.now()): Rate {
  let tokens = burst;
  let last = now();

  function refill(): void {
    const time = now();
    tokens = Math.min(burst, tokens + ((time - last) / 1000) * rate);
    last = time;
  }

  return {
    take(count = 1) {
      if (rate === 0) return true;
      refill();
      if (tokens < count) return false;
      tokens -= count;
      return true;
    },
    wait() {
      refill();
      return rate === 0 || tokens >= 1 ? 0 : (1 - tokens) / rate;
    },
  };
}
