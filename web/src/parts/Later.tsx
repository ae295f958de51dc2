// A page that is loaded when it is first opened.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Spinner } from "./Notice";

export function later(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | null = null;
  return function Later() {
    const [, redraw] = useState(0);
    const [failure, setFailure] = useState<unknown>(null);
    useEffect(() => {
      if (loaded !== null) return;
      load().then(
        (page) => {
          loaded = page;
          redraw(1);
        },
        () => setFailure(new Error("not loaded")),
      );
    }, []);
    if (failure !== null) return <main class="card-page"><Failure failure={failure} /></main>;
    const Page = loaded;
    return Page === null ? <main class="card-page"><Spinner /></main> : <Page />;
  };
}
