// Solves the proof of work that registration, a log-in or an answer may ask for, in a worker, so that
// the page stays alive.
import { signal } from "@preact/signals";
import { type Challenge, type Solution, getRegistrationWithTask, getTask, giveSolution } from "../api/account";
import { ApiError, whenAskedToPay } from "../api/http";
import type { Report, Task } from "../solver/worker";

declare const SOLVER_URL: string;

// How likely it is that it would have been found by now: 0 to 1. Null: nothing is being solved.
export const solving = signal<number | null>(null);

export function solve(challenge: Challenge, signal: AbortSignal): Promise<Solution> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new ApiError("The task was left.", "challenge_required", null));
    const worker = new Worker(SOLVER_URL, { type: "module" });
    const end = () => {
      worker.terminate();
      solving.value = null;
    };
    solving.value = 0;
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if ("tries" in data) {
        solving.value = 1 - Math.exp(-data.tries / 2 ** challenge.bits);
        return;
      }
      end();
      resolve({ seed: challenge.seed, nonce: data.nonce });
    };
    worker.onerror = () => {
      end();
      reject(new ApiError("This browser could not solve the task: it allows the page no worker.", "challenge_required", null));
    };
    signal.addEventListener("abort", () => {
      end();
      reject(new ApiError("The task was left.", "challenge_required", null));
    });
    const task: Task = { seed: challenge.seed, bits: challenge.bits };
    worker.postMessage(task);
  });
}

// Runs `attempt`; once more with a solution when the server asks for one.
export async function withChallenge<T>(attempt: (solution?: Solution) => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await attempt();
  } catch (failure) {
    if (!(failure instanceof ApiError) || failure.reason !== "challenge_required") throw failure;
    const { challenge } = await getRegistrationWithTask();
    if (challenge === null) throw failure;
    return attempt(await solve(challenge, signal));
  }
}

whenAskedToPay(async (signal = new AbortController().signal) => {
  await giveSolution(await solve(await getTask(), signal));
});
