import { useSignal } from "@preact/signals";
import { changePassword, rename } from "../../api/account";
import { Field, Form, NewPassword, Username, type Values } from "../../parts/Form";
import { ForOwner } from "../../parts/ForOwner";
import { Done } from "../../parts/Notice";
import { Section } from "../../parts/Sheet";
import { account, findMe } from "../../state/me";
import { formatDate } from "../../text/format";

export function ProfileSection() {
  const own = account.value!;
  return (
    <>
      <Section title="Who you are">
        <p class="hint">
          {own.role === "operator" ? "An operator" : "An account"} since {formatDate(own.created_at)}.
          {own.email !== null && ` Mail address: ${own.email}${own.email_verified ? "" : ", not verified yet"}.`}
        </p>
        <Name />
      </Section>
      <Section title="Password">{own.password === false ? <FirstPassword /> : <Password />}</Section>
    </>
  );
}

function Name() {
  const isDone = useSignal(false);
  const change = async (values: Values) => {
    isDone.value = false;
    await rename(values("name"));
    await findMe();
    isDone.value = true;
  };
  return (
    <>
      <Form action={change} button="Change the name" fields={{ name_taken: "name" }}>
        <Field label="Name" name="name" autocomplete="username" value={account.value!.name} />
      </Form>
      {isDone.value && <Done>The name is changed.</Done>}
    </>
  );
}

// Of an account whose owner came from a provider.
function FirstPassword() {
  const set = async (values: Values) => {
    await changePassword("", values("new"));
    await findMe();
  };
  return (
    <ForOwner section="profile" what="set a password">
      {() => (
        <Form action={set} button="Set a password" fields={{ weak_password: "new" }}>
          <Username name={account.value!.name} />
          <NewPassword name="new" label="New password" />
        </Form>
      )}
    </ForOwner>
  );
}

function Password() {
  const isDone = useSignal(false);
  const change = async (values: Values) => {
    isDone.value = false;
    await changePassword(values("current"), values("new"));
    isDone.value = true;
  };
  return (
    <>
      <Form action={change} button="Change the password" fields={{ wrong_credentials: "current", weak_password: "new" }} clears>
        <Username name={account.value!.name} />
        <Field label="Current password" name="current" type="password" autocomplete="current-password" />
        <NewPassword name="new" label="New password" />
      </Form>
      {isDone.value && <Done>The password is changed.</Done>}
    </>
  );
}
