import { useEffect } from "preact/hooks";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Holdfast`;
    return () => void (document.title = "Holdfast");
  }, [title]);
}
