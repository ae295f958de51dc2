// Logging in: name and password, then a second factor where there is one.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type Account, type LoggedIn, giveSecondFactor, logIn } from "../../api/account";
import { Card } from "../../parts/Card";
import { Field, Form, type Values } from "../../parts/Form";
import { Providers } from "../../parts/Providers";
import { Solving } from "../../parts/Solving";
import { withChallenge } from "../../state/challenge";
import { canUsePasskeys } from "../../state/fresh";
import { enter, me } from "../../state/me";
import { goInstead, route } from "../../state/route";
import { NeedsHttps } from "./NeedsHttps";
import { PasskeyLogIn } from "./PasskeyLogIn";

// Whoever was asked to log in on the way to a page goes on to it.
function goOn() {
  if (route.value.parts[0] === "login") goInstead("/");
}

function goIn(account: Account) {
  enter(account);
  goOn();
}

export function LogInPage() {
  const token = useSignal<string | null>(null);
  const common = useSignal<Account | null>(null);
  const abort = useMemo(() => new AbortController(), []);
  useEffect(() => () => abort.abort(), []);
  const tryPassword = async (values: Values) => {
    const answer: LoggedIn = await withChallenge((solution) => logIn(values("name"), values("password"), solution), abort.signal);
    if ("token" in answer) {
      token.value = answer.token;
    } else if (answer.password_is_common) {
      enter(answer.account);
      common.value = answer.account;
    } else {
      goIn(answer.account);
    }
  };
  if (common.value !== null) return <CommonPassword onLater={goOn} />;
  if (token.value !== null) return <SecondFactor token={token.value} onBack={() => (token.value = null)} />;
  if (me.value?.login === "needs_https") return <Card title="Log in"><NeedsHttps /><ChatInstead /></Card>;
  return (
    <Card title="Log in">
      <Form action={tryPassword} button="Log in">
        <Field label="Name or mail address" name="name" autocomplete={canUsePasskeys() ? "username webauthn" : "username"} focus />
        <Field label="Password" name="password" type="password" autocomplete="current-password" />
        <Solving />
      </Form>
      {canUsePasskeys() && <PasskeyLogIn onIn={goIn} />}
      <Providers />
      <p class="card-links"><a href="#/reset">Forgot the password?</a> <a href="#/sign-up">Make an account</a></p>
      {me.value?.setup_needed && <SetUpHint />}
      <ChatInstead />
    </Card>
  );
}

// Nobody has to: but whoever guesses tries this password first.
function CommonPassword({ onLater }: { onLater: () => void }) {
  return (
    <Card title="Change your password">
      <p role="status">You are logged in. Many people have chosen this password, so it is among the first that are tried. Choose another one.</p>
      <p class="card-links"><a href="#/settings/log-ins">Change it now</a> <button type="button" class="link-button" onClick={onLater}>Later</button></p>
    </Card>
  );
}

function ChatInstead() {
  return me.value?.anonymous ? <p class="card-links"><a href="#/">Chat without an account</a></p> : null;
}

function SetUpHint() {
  return (
    <p class="notice-box">
      This service has no operator yet. The link to become its first one is in what <code>holdfast</code> wrote when it started.
    </p>
  );
}

export function SecondFactor({ token, onBack }: { token: string; onBack: () => void }) {
  const give = async (values: Values) => {
    goIn((await giveSecondFactor(token, values("code").trim())).account);
  };
  return (
    <Card title="Your second factor">
      <p>Enter the code that your authenticator app shows now. Without the app, use one of your recovery codes; each works once.</p>
      <Form action={give} button="Log in" fields={{ wrong_credentials: "code" }}>
        <Field label="Code" name="code" autocomplete="one-time-code" focus />
      </Form>
      <p class="card-links"><button type="button" class="link-button" onClick={onBack}>Start again</button></p>
    </Card>
  );
}
