// Asks who it is once more: by a passkey, a code, or where there is neither, the password.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Shown, confirm, showToConfirm } from "../api/passkeys";
import type { Solution } from "../api/account";
import { withChallenge } from "../state/challenge";
import { canUsePasskeys, question } from "../state/fresh";
import { account, me } from "../state/me";
import { ForOwner } from "./ForOwner";
import { Field, Form, Username, type Values } from "./Form";
import { Failure } from "./Notice";
import { Solving } from "./Solving";
import { useTask } from "./task";

type Proof = { credential?: Shown; code?: string; password?: string };

export function WhoItIs() {
  const dialog = useRef<HTMLDialogElement>(null);
  const abort = useMemo(() => new AbortController(), []);
  useLayoutEffect(() => {
    dialog.current!.showModal();
    return () => abort.abort();
  }, []);
  const { words, answer } = question.value!;
  const show = async (proof: Proof) => {
    await withChallenge((challenge?: Solution) => confirm({ ...proof, challenge }), abort.signal);
    answer(true);
  };
  const { totp, passkeys, password } = account.value!;
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="who-title" onClose={() => answer(false)} onKeyDown={(event) => event.stopPropagation()}>
      <h2 id="who-title">Is it you?</h2>
      <p>{words}</p>
      {passkeys > 0 && <UsePasskey show={show} />}
      {totp && (
        <Form action={(values: Values) => show({ code: values("code").trim() })} button="Confirm" fields={{ wrong_credentials: "code" }}>
          <Field label="A code from the app, or a recovery code" name="code" autocomplete="one-time-code" focus={passkeys === 0} />
        </Form>
      )}
      {!totp && passkeys === 0 && password === false && <ForOwner section="log-ins" what="do this">{() => null}</ForOwner>}
      {!totp && passkeys === 0 && password !== false && (
        <Form action={(values: Values) => show({ password: values("password") })} button="Confirm" fields={{ wrong_credentials: "password" }}>
          <Username name={account.value!.name} />
          <Field label="Your password" name="password" type="password" autocomplete="current-password" focus />
        </Form>
      )}
      <Solving />
      <div class="dialog-foot">
        <span class="hint">It then holds for ten minutes.</span>
        <button type="button" class="button quiet" onClick={() => dialog.current?.close()}>Leave it</button>
      </div>
    </dialog>
  );
}

function UsePasskey({ show }: { show: (proof: Proof) => Promise<void> }) {
  const task = useTask();
  if (!canUsePasskeys()) return <p class="hint">Your passkeys work at <a href={me.value?.passkey_origin ?? "#/"}>{me.value?.passkey_origin ?? "the service's public address"}</a> only.</p>;
  return (
    <div class="form">
      <button type="button" class="button primary" disabled={task.isBusy.value} onClick={() => void task.run(async () => show({ credential: await showToConfirm() }))}>
        {task.isBusy.value ? "One moment…" : "Use a passkey"}
      </button>
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </div>
  );
}
