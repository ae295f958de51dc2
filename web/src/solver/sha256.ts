// SHA-256 (FIPS 180-4) of short text. The browser's own is asynchronous, a call for each hash, and is
// missing on pages over plain HTTP; the solver needs a million small ones.
const ROUNDS = Uint32Array.from(firstPrimes(64), (prime) => fractionBits(Math.cbrt(prime)));
const INITIAL = Uint32Array.from(firstPrimes(8), (prime) => fractionBits(Math.sqrt(prime)));
const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;

const encoder = new TextEncoder();
const schedule = new Uint32Array(64);

// The first 32 bits after the point.
function fractionBits(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; ++n) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  return primes;
}

// The hash of `prefix` followed by a number in decimal, as eight words, good until the next call.
// What every number has in common is done once: the text is laid out, and its full blocks are hashed.
export function newNonceHash(prefix: string): (nonce: number) => Uint32Array {
  const bytes = encoder.encode(prefix);
  const done = bytes.length - (bytes.length % BLOCK_BYTES);
  const before = INITIAL.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < done; at += BLOCK_BYTES) compress(before, view, at);
  const tail = new Uint8Array(2 * BLOCK_BYTES);
  const tailView = new DataView(tail.buffer);
  const kept = bytes.length - done;
  const state = new Uint32Array(8);
  return (nonce) => {
    const end = kept + writeDecimal(tail, kept, nonce);
    const size = end + 1 + LENGTH_BYTES > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES;
    tail.set(bytes.subarray(done));
    tail[end] = 0x80;
    tail.fill(0, end + 1, size);
    tailView.setUint32(size - 4, (done + end) * 8);
    state.set(before);
    for (let at = 0; at < size; at += BLOCK_BYTES) compress(state, tailView, at);
    return state;
  };
}

// How many digits it wrote.
function writeDecimal(into: Uint8Array, at: number, value: number): number {
  let count = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) ++count;
  for (let i = count - 1; i >= 0; --i) {
    into[at + i] = 0x30 + (value % 10);
    value = Math.floor(value / 10);
  }
  return count;
}

export function leadingZeroBits(digest: Uint32Array): number {
  let bits = 0;
  for (const word of digest) {
    bits += Math.clz32(word);
    if (word !== 0) break;
  }
  return bits;
}

const rotate = (word: number, by: number) => (word >>> by) | (word << (32 - by));

function compress(state: Uint32Array, view: DataView, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; ++i) w[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < 64; ++i) {
    const early = w[i - 15]!;
    const late = w[i - 2]!;
    const s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
    const s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
    w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let i = 0; i < 64; ++i) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i]! + w[i]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
