// Does a proof of work as the page does, for tests in Node.
import { createHash } from "node:crypto";

function zeroBits(text) {
  const digest = createHash("sha256").update(text).digest();
  let bits = 0;
  for (const byte of digest) {
    bits += byte === 0 ? 8 : Math.clz32(byte) - 24;
    if (byte !== 0) break;
  }
  return bits;
}

export function solve({ seed, bits }) {
  for (let nonce = 0; ; ++nonce) if (zeroBits(`${seed}:${nonce}`) >= bits) return { seed, nonce: String(nonce) };
}
