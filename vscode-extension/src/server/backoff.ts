/** A server that ends this often within `WINDOW` is not started again by itself. */
const LIMIT = 5;
const WINDOW = 180_000;
const FIRST_DELAY = 250;
const LONGEST_DELAY = 8_000;

export type Decision =
  | { restart: true; delay: number /** The first of a series: the user is told once. */; tell: boolean }
  | { restart: false };

/** When a server that ended unexpectedly is started again. */
export class Backoff {
  private ends: number[] = [];

  /** `now`: milliseconds on any clock that does not go backwards. */
  ended(now: number): Decision {
    this.ends = this.ends.filter((time) => now - time < WINDOW);
    this.ends.push(now);
    const count = this.ends.length;
    if (count >= LIMIT) return { restart: false };
    return {
      restart: true,
      delay: Math.min(FIRST_DELAY * 2 ** (count - 1), LONGEST_DELAY),
      tell: count === 1,
    };
  }

  /** The user asked for a start: what was before does not count any more. */
  forget(): void {
    this.ends = [];
  }
}
