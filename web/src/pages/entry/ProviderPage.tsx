// Back from a provider: who is new chooses a name, who has a second factor shows it, and who was not
// let in reads why. All of it the server keeps for this browser; the address holds none of it.
import { useSignal } from "@preact/signals";
import { type Arrival, type Registration, getArrival, getRegistration, signUpFromProvider } from "../../api/account";
import { ApiError } from "../../api/http";
import { Card } from "../../parts/Card";
import { Field, Form, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Solving } from "../../parts/Solving";
import { account, enter } from "../../state/me";
import { goInstead } from "../../state/route";
import { wordsOf } from "../../text/reasons";
import { SecondFactor } from "./LogInPage";
import { Pending, Rule, useSolution } from "./SignUpPage";

// Null: nothing is known of this browser.
async function findArrival(): Promise<{ arrival: Arrival | null }> {
  try {
    return { arrival: await getArrival() };
  } catch (failure) {
    if (failure instanceof ApiError && failure.reason === "not_found") return { arrival: null };
    throw failure;
  }
}

export function ProviderPage() {
  const found = useLoaded(findArrival);
  if (found.value === null) return <Card title="Log in"><Loaded of={found}>{() => null}</Loaded></Card>;
  const { arrival } = found.value;
  if (arrival === null) return <Refused message="This log-in is not known here. It took too long, was used already, or began in another browser. Start again." />;
  if (arrival.state === "failed") return <Refused message={arrival.message} reason={arrival.reason} />;
  if (arrival.state === "second_factor") return <SecondFactor token={arrival.token} onBack={() => goInstead("/login")} />;
  return <Welcome arrival={arrival} />;
}

function Refused({ message, reason = "not_found" }: { message: string; reason?: string }) {
  // Of a restriction the message is its words alone.
  const words = reason === "account_paused" ? wordsOf(new ApiError(message, reason, null)) : message;
  return (
    <Card title="Not logged in">
      <div class="failure" role="alert"><strong>{words}</strong><span>Reason: <code>{reason}</code></span></div>
      <p class="card-links">{account.value === null ? <a href="#/login">Back to the log-in</a> : <a href="#/settings/log-ins">Back to the settings</a>}</p>
    </Card>
  );
}

function Welcome({ arrival }: { arrival: Arrival & { state: "new" } }) {
  const registration = useLoaded(getRegistration);
  return (
    <Card title="Make an account">
      <p>{arrival.provider.name} knows you{arrival.email !== null && <> as <strong>{arrival.email}</strong></>}, and here you are new. You need no password: you log in with {arrival.provider.name}.</p>
      <Loaded of={registration}>{(rules) => <ChooseName wished={arrival.name} registration={rules} />}</Loaded>
      <p class="card-links"><a href="#/login">I have an account here</a></p>
    </Card>
  );
}

const FIELDS = { name_taken: "name", invitation_required: "invitation" };

function ChooseName({ wished, registration }: { wished: string; registration: Registration }) {
  const isPending = useSignal(false);
  const solution = useSolution(registration);
  const send = async (values: Values) => {
    const answer = await signUpFromProvider({ name: values("name"), invitation: values("invitation").trim() || undefined, challenge: await solution() });
    if ("pending" in answer) {
      isPending.value = true;
    } else {
      enter(answer.account);
      goInstead("/");
    }
  };
  if (isPending.value) return <Pending kind="approval" />;
  const needsInvitation = registration.needs.includes("invitation");
  return (
    <>
      <Rule registration={registration} />
      {registration.mode !== "closed" && (
        <Form action={send} button="Make the account" fields={FIELDS}>
          {(needsInvitation || registration.by === "guard") && <Field label="Invitation code" name="invitation" autocomplete="off" optional={!needsInvitation} />}
          <Field label="Name" name="name" autocomplete="username" value={wished} hint="Others see it." focus />
          <Solving />
        </Form>
      )}
    </>
  );
}
