/** Up to where a client was told what happened. */

const PART = /^\d+\.\d+$/;
const LONGEST_PART = 40;
const MOST = 2n ** 63n;

/** The last offset of each partition of the server's log: `0.42-3.17` is 42 of partition 0, 17 of 3. */
export class Cursor {
  private constructor(private readonly offsets: ReadonlyMap<bigint, bigint>) {}

  /** Reads what the server wrote. Throws `RangeError` for anything else. */
  static parse(text: string): Cursor {
    const offsets = new Map<bigint, bigint>();
    for (const part of text ? text.split("-") : []) {
      const [partition = 0n, offset = 0n] = PART.test(part) ? part.split(".").map(BigInt) : [MOST];
      if (part.length > LONGEST_PART || partition >= MOST || offset >= MOST) {
        throw new RangeError("this cursor is not one of ours; leave it out to start from now");
      }
      offsets.set(partition, offset);
    }
    return new Cursor(offsets);
  }

  /** Says whether who is here has been told all that who is at `other` has. */
  covers(other: Cursor): boolean {
    return [...other.offsets].every(([partition, offset]) => (this.offsets.get(partition) ?? -1n) >= offset);
  }

  equals(other: Cursor): boolean {
    return this.covers(other) && other.covers(this);
  }

  /** Returns where somebody is who was told what both were. */
  joined(other: Cursor): Cursor {
    const offsets = new Map(this.offsets);
    for (const [partition, offset] of other.offsets) {
      if (offset > (offsets.get(partition) ?? -1n)) offsets.set(partition, offset);
    }
    return new Cursor(offsets);
  }

  toString(): string {
    const parts = [...this.offsets].sort(([one], [other]) => Number(one - other));
    return parts.map(([partition, offset]) => `${partition}.${offset}`).join("-");
  }
}
