// A part of the page that is loaded when it is first shown.
import type { ComponentChild, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Spinner } from "./Notice";

const asPage = (child: ComponentChild) => <main class="card-page">{child}</main>;

// `around`: what stands around the waiting, or the failure to load.
export function later<P extends object>(load: () => Promise<ComponentType<P>>, around: (child: ComponentChild) => ComponentChild = asPage): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [, redraw] = useState(0);
    const [failure, setFailure] = useState<unknown>(null);
    useEffect(() => {
      if (loaded !== null) return;
      load().then(
        (part) => {
          loaded = part;
          redraw(1);
        },
        () => setFailure(new Error("not loaded")),
      );
    }, []);
    if (failure !== null) return <>{around(<Failure failure={failure} />)}</>;
    const Part = loaded;
    return Part === null ? <>{around(<Spinner />)}</> : <Part {...props} />;
  };
}
