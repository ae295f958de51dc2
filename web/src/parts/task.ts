// What a person set going: one at a time, its failure kept until the next try.
import { type ReadonlySignal, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { leaveIfOver } from "../state/me";

export interface Task {
  isBusy: ReadonlySignal<boolean>;
  failure: ReadonlySignal<unknown>;
  // True when it succeeded; false when it failed, or another one is under way.
  run(action: () => Promise<unknown>): Promise<boolean>;
}

export function useTask(): Task {
  return useMemo(() => {
    const isBusy = signal(false);
    const failure = signal<unknown>(null);
    const run = async (action: () => Promise<unknown>) => {
      if (isBusy.value) return false;
      isBusy.value = true;
      failure.value = null;
      try {
        await action();
        return true;
      } catch (caught) {
        leaveIfOver(caught);
        failure.value = caught;
        return false;
      } finally {
        isBusy.value = false;
      }
    };
    return { isBusy, failure, run };
  }, []);
}
