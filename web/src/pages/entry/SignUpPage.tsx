// Making an account. It says what holds for registration now, since when and why, and what would let
// one in. A proof of work that is asked for is solved while the form is filled in.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type Registration, type RegistrationMode, type Solution, getRegistration, signUp } from "../../api/account";
import { ApiError } from "../../api/http";
import { Card } from "../../parts/Card";
import { Field, Form, NewPassword, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Providers } from "../../parts/Providers";
import { Solving } from "../../parts/Solving";
import { solve, withChallenge } from "../../state/challenge";
import { enter, me } from "../../state/me";
import { goInstead, route } from "../../state/route";
import { formatTime } from "../../text/format";
import { NeedsHttps } from "./NeedsHttps";

const RULES: Record<RegistrationMode, (r: Registration) => string> = {
  open: () => "Anyone can make an account.",
  email: () => "Anyone with a mail address can make an account. A link is sent to the address, and the account works once it was opened.",
  invitation: () => "An account needs an invitation. Ask an operator, or someone who was given one, for a link or a code.",
  domains: (r) => `An account needs a mail address at ${r.domains.join(" or ")}. A link is sent to the address, and the account works once it was opened.`,
  approval: () => "Anyone can ask for an account. An operator looks at each before it works.",
  closed: () => "No accounts can be made now. An operator can open registration again; until then nothing lets one in.",
};

const MARGIN_MS = 5000;

export function SignUpPage() {
  const registration = useLoaded(getRegistration);
  return (
    <Card title="Make an account">
      {me.value?.login === "needs_https" ? <NeedsHttps /> : <Loaded of={registration}>{(found) => <SignUp registration={found} again={registration.again} />}</Loaded>}
      <p class="card-links"><a href="#/login">Log in instead</a>{me.value?.anonymous && <a href="#/">Chat without an account</a>}</p>
    </Card>
  );
}

// What is asked for may have changed since the page was loaded.
const ASKED_FOR_MORE = new Set(["bad_request", "invitation_required", "registration_closed"]);

function SignUp({ registration, again }: { registration: Registration; again: () => Promise<void> }) {
  const pending = useSignal<"email" | "approval" | null>(null);
  const abort = useMemo(() => new AbortController(), []);
  useEffect(() => () => abort.abort(), []);
  const solution = useSolution(registration);
  const send = async (values: Values) => {
    // What was solved while the form was filled in may not be enough any more.
    const answer = await withChallenge(
      async (harder?: Solution) =>
        signUp({
          name: values("name") || undefined,
          email: values("email") || undefined,
          password: values("password"),
          invitation: values("invitation").trim() || undefined,
          challenge: harder ?? (await solution()),
        }),
      abort.signal,
    ).catch((failure: unknown) => {
      if (failure instanceof ApiError && ASKED_FOR_MORE.has(failure.reason)) void again();
      throw failure;
    });
    if ("pending" in answer) {
      pending.value = answer.pending;
    } else {
      enter(answer.account);
      goInstead("/");
    }
  };
  if (pending.value !== null) return <Pending kind={pending.value} />;
  const invitation = route.value.query.get("invitation") ?? "";
  const needs = new Set(registration.needs);
  return (
    <>
      <Rule registration={registration} />
      {registration.mode !== "closed" && (
        <Form action={send} button="Make the account" fields={FIELDS}>
          {(needs.has("invitation") || invitation !== "" || registration.by === "guard") && (
            <Field label="Invitation code" name="invitation" autocomplete="off" value={invitation} optional={!needs.has("invitation")} />
          )}
          {needs.has("name") && <Field label="Name" name="name" autocomplete="username" hint="Others see it, and you log in with it." />}
          {needs.has("email") && <Field label="Mail address" name="email" type="email" autocomplete={needs.has("name") ? "email" : "username"} />}
          <NewPassword bytesMin={registration.password.bytes_min} />
          <Solving />
        </Form>
      )}
      {registration.mode !== "closed" && <Providers />}
    </>
  );
}

const FIELDS = { name_taken: "name", weak_password: "password", invitation_required: "invitation" };

export function Rule({ registration }: { registration: Registration }) {
  const by = registration.by === "guard" ? "the guard, by itself" : "an operator";
  return (
    <div class="rule">
      <p>{RULES[registration.mode](registration)}</p>
      <p class="hint">
        So since {formatTime(registration.since)}, set by {by}.
        {registration.by === "guard" && registration.why !== "" && ` Why: ${registration.why}`}
      </p>
      {registration.probation && <p class="hint">An account that is made now gets answers some hours later; sooner with a confirmed mail address, once this is over. With an invitation, at once.</p>}
    </div>
  );
}

export function Pending({ kind }: { kind: "email" | "approval" }) {
  if (kind === "email") return <p role="status">A link was sent to your mail address. Open it to finish.</p>;
  return <p role="status">Your account is made. An operator looks at it; you can log in once it is approved.</p>;
}

// Begins with the solution at once, and begins again when the challenge has run out meanwhile, or
// was spent on an attempt that failed.
export function useSolution(registration: Registration): () => Promise<Solution | undefined> {
  const abort = useMemo(() => new AbortController(), []);
  const state = useMemo(() => {
    let challenge = registration.challenge;
    let found = begin();
    function begin() {
      const solution = challenge && solve(challenge, abort.signal);
      solution?.catch(() => {});
      return solution;
    }
    let isSpent = false;
    return async () => {
      if (challenge === null) return undefined;
      if (isSpent || challenge.expires_at < Date.now() + MARGIN_MS) {
        challenge = (await getRegistration()).challenge;
        found = begin();
      }
      const solution = await found;
      if (challenge !== null && challenge.expires_at < Date.now()) throw new ApiError("The task took too long.", "challenge_required", null);
      isSpent = true;
      return solution ?? undefined;
    };
  }, []);
  useEffect(() => () => abort.abort(), []);
  return state;
}
