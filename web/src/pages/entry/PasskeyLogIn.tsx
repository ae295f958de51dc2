// Logging in with a passkey: by a button, or from among the browser's suggestions for the name.
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Account } from "../../api/account";
import { type Shown, logInWith, showFromSuggestions, showToLogIn } from "../../api/passkeys";
import { Failure } from "../../parts/Notice";
import { type Task, useTask } from "../../parts/task";
import { withChallenge } from "../../state/challenge";

// Challenges are good for five minutes; suggestions get a new one before.
const RENEW_MS = 4 * 60_000;

export function PasskeyLogIn({ onIn }: { onIn: (account: Account) => void }) {
  const task = useTask();
  const abort = useMemo(() => new AbortController(), []);
  useEffect(() => () => abort.abort(), []);
  const enter = async (shown: Shown) => onIn((await withChallenge((solution) => logInWith(shown, solution), abort.signal)).account);
  const stop = useSuggestions(task, enter);
  const press = () => {
    stop();
    void task.run(async () => enter(await showToLogIn()));
  };
  return (
    <div class="form other-way">
      <button type="button" class="button quiet" disabled={task.isBusy.value} onClick={press}>{task.isBusy.value ? "One moment…" : "Log in with a passkey"}</button>
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </div>
  );
}

// A browser waits for one passkey at a time, so the button ends the waiting.
function useSuggestions(task: Task, enter: (shown: Shown) => Promise<void>): () => void {
  const waiting = useRef<AbortController | null>(null);
  const isOver = useRef(false);
  const wait = async () => {
    while (!isOver.current) {
      const round = (waiting.current = new AbortController());
      const timer = window.setTimeout(() => round.abort(), RENEW_MS);
      const shown = await showFromSuggestions(round.signal).catch(() => null);
      clearTimeout(timer);
      // Whatever ended it but ourselves would end it again at once.
      if (shown === null && !round.signal.aborted) return;
      // One that was refused is not asked for again by itself: a device may answer alone, without end.
      if (shown !== null) return void (await task.run(() => enter(shown)));
    }
  };
  const stop = () => {
    isOver.current = true;
    waiting.current?.abort();
  };
  useEffect(() => {
    void canSuggest().then((can) => (can ? wait() : undefined));
    return stop;
  }, []);
  return stop;
}

async function canSuggest(): Promise<boolean> {
  return (await PublicKeyCredential.isConditionalMediationAvailable?.().catch(() => false)) ?? false;
}
