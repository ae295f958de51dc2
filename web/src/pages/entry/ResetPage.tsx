// A forgotten password: ask for a link by mail, then choose a new one.
import { useSignal } from "@preact/signals";
import { askForReset, resetPassword } from "../../api/account";
import { Card } from "../../parts/Card";
import { Field, Form, NewPassword, type Values } from "../../parts/Form";
import { route } from "../../state/route";

export function ResetPage() {
  const token = route.value.query.get("token");
  return token === null ? <Ask /> : <Choose token={token} />;
}

function Ask() {
  const isSent = useSignal(false);
  return (
    <Card title="Reset the password">
      {isSent.value ? (
        <p role="status">If there is an account with this address, a link is on its way to it. It works for a short time, and once.</p>
      ) : (
        <>
          <p>A link to choose a new password is sent to the mail address of your account.</p>
          <Form action={(values: Values) => askForReset(values("email"))} button="Send the link" onDone={() => (isSent.value = true)}>
            <Field label="Mail address" name="email" type="email" autocomplete="email" focus />
          </Form>
          <p class="hint">An account without a mail address: an operator can help.</p>
        </>
      )}
      <p class="card-links"><a href="#/login">Log in</a></p>
    </Card>
  );
}

function Choose({ token }: { token: string }) {
  const isDone = useSignal(false);
  return (
    <Card title="Choose a new password">
      {isDone.value ? (
        <p role="status">The new password holds. All sessions of the account are over.</p>
      ) : (
        <Form action={(values: Values) => resetPassword(token, values("password"))} button="Set the password" fields={{ weak_password: "password" }} onDone={() => (isDone.value = true)}>
          <NewPassword label="New password" />
        </Form>
      )}
      <p class="card-links"><a href="#/login">Log in</a></p>
    </Card>
  );
}
