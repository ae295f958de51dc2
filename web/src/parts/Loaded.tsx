// What a page asks the server for when it opens.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Spinner } from "./Notice";
import { leaveIfOver } from "../state/me";

export interface Loading<T> {
  value: T | null;
  failure: unknown;
  again: () => Promise<void>;
}

// Asks anew when `key` changes; what an older question answers is dropped.
export function useLoaded<T>(load: () => Promise<T>, key: unknown = null): Loading<T> {
  const [value, setValue] = useState<T | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const look = async (isWanted: () => boolean) => {
    try {
      const found = await load();
      if (!isWanted()) return;
      setValue(found);
      setFailure(null);
    } catch (caught) {
      leaveIfOver(caught);
      if (isWanted()) setFailure(caught);
    }
  };
  useEffect(() => {
    let isHere = true;
    void look(() => isHere);
    return () => void (isHere = false);
  }, [key]);
  return { value, failure, again: () => look(() => true) };
}

export function Loaded<T>({ of, children }: { of: Loading<T>; children: (value: T) => ComponentChildren }) {
  if (of.failure !== null) return <Failure failure={of.failure} retry={() => void of.again()} />;
  return of.value === null ? <Spinner /> : <>{children(of.value)}</>;
}
