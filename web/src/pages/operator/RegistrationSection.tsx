import { useSignal } from "@preact/signals";
import type { RegistrationMode } from "../../api/account";
import { type RegistrationRule, getRule, setRule } from "../../api/admin";
import { Field, Form, Select, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Done } from "../../parts/Notice";

const MODES: [RegistrationMode, string][] = [
  ["open", "Open: anyone"],
  ["email", "Mail: anyone with a mail address"],
  ["invitation", "Invitation: who has a link"],
  ["domains", "Domains: mail addresses of certain domains"],
  ["approval", "Approval: an operator looks at each"],
  ["closed", "Closed: nobody"],
];

export function RegistrationSection() {
  return <Loaded of={useLoaded(getRule)}>{(rule) => <Rule rule={rule} />}</Loaded>;
}

function Rule({ rule }: { rule: RegistrationRule }) {
  const isDone = useSignal(false);
  const set = async (values: Values) => {
    isDone.value = false;
    await setRule({ mode: values("mode") as RegistrationMode, domains: values("domains").split(/[\s,]+/).filter((domain) => domain !== "") });
    isDone.value = true;
  };
  return (
    <>
      <p>It holds from the next registration on. The guard may close further by itself under attack, and says so on the page.</p>
      <Form action={set} button="Let this hold">
        <Select label="Who may make an account" name="mode" value={rule.mode} choices={MODES} />
        <Field label="Domains" name="domains" autocomplete="off" value={rule.domains.join(" ")} hint="For the mode Domains; apart by spaces." optional />
      </Form>
      {isDone.value && <Done>This holds now.</Done>}
    </>
  );
}
