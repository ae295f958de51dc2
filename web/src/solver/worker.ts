// A worker that solves one challenge: the first nonce whose SHA-256(seed + ":" + nonce) begins with
// `bits` zero bits. It says now and then how many it tried.
import { leadingZeroBits, newNonceHash } from "./sha256";

export interface Task {
  seed: string;
  bits: number;
}

export type Report = { tries: number } | { nonce: string };

const REPORT_TRIES = 20_000;

const worker = self as unknown as { onmessage: ((event: MessageEvent<Task>) => void) | null; postMessage(report: Report): void };

worker.onmessage = ({ data }) => {
  const hash = newNonceHash(`${data.seed}:`);
  for (let nonce = 0; ; ++nonce) {
    if (leadingZeroBits(hash(nonce)) >= data.bits) return worker.postMessage({ nonce: String(nonce) });
    if (nonce % REPORT_TRIES === 0) worker.postMessage({ tries: nonce });
  }
};
