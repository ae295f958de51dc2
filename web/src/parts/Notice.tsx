// What the page says about itself: waiting, a failure with its reason, a thing done.
import type { ComponentChildren } from "preact";
import { reasonOf, wordsOf } from "../text/reasons";

export function Spinner({ label = "Loading" }: { label?: string }) {
  return <div class="waiting" role="status" aria-label={label}><i /><i /><i /></div>;
}

export function Failure({ failure, id, retry }: { failure: unknown; id?: string; retry?: () => void }) {
  return (
    <div class="failure" role="alert" id={id}>
      <strong>{wordsOf(failure)}</strong>
      <span>Reason: <code>{reasonOf(failure)}</code></span>
      {retry && <button type="button" class="link-button" onClick={retry}>Try again</button>}
    </div>
  );
}

export function Done({ children }: { children: ComponentChildren }) {
  return <p class="done" role="status">{children}</p>;
}
