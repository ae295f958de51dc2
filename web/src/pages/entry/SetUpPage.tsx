// The first operator, with the token that the service wrote where only its owner reads.
import { setUp } from "../../api/account";
import { Card } from "../../parts/Card";
import { Field, Form, NewPassword, type Values } from "../../parts/Form";
import { enter, me } from "../../state/me";
import { goInstead, route } from "../../state/route";
import { NeedsHttps } from "./NeedsHttps";

export function SetUpPage() {
  const token = route.value.query.get("token") ?? "";
  const become = async (values: Values) => {
    enter((await setUp(values("token"), values("name"), values("password"))).account);
    goInstead("/admin/registration");
  };
  return (
    <Card title="Set up this service">
      <SetUpBody token={token} become={become} />
    </Card>
  );
}

function SetUpBody({ token, become }: { token: string; become: (values: Values) => Promise<void> }) {
  if (me.value?.login === "needs_https") return <NeedsHttps />;
  if (me.value?.setup_needed === false) return <p>This service has an operator already. <a href="#/login">Log in</a></p>;
  return (
    <>
      <p>You become its first operator: you decide who gets in, and see to accounts and quotas. Add a second factor in the settings afterwards.</p>
      <Form action={become} button="Become the operator" fields={{ name_taken: "name", weak_password: "password" }}>
        {token === "" ? (
          <Field label="Set-up token" name="token" autocomplete="off" hint="It is in the link that holdfast wrote when it started." focus />
        ) : (
          <input type="hidden" name="token" value={token} />
        )}
        <Field label="Name" name="name" autocomplete="username" focus={token !== ""} />
        <NewPassword />
      </Form>
    </>
  );
}
