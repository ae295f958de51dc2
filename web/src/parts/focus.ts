import { type RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

// Takes the focus when it appears, and when `key` changes.
export function useFocus<T extends HTMLElement>(key: unknown = null): RefObject<T> {
  const element = useRef<T>(null);
  useLayoutEffect(() => element.current?.focus(), [key]);
  return element;
}
