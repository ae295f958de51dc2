import { useSignal } from "@preact/signals";
import { type Invitation, endInvitation, invite, listInvitations } from "../../api/admin";
import { Confirm } from "../../parts/Confirm";
import { Secret, ShownOnce } from "../../parts/CopyButton";
import { Field, Form, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Section } from "../../parts/Sheet";
import { endOfDay, formatDate } from "../../text/format";

export function InvitationsSection() {
  const invitations = useLoaded(listInvitations);
  const made = useSignal<{ code: string; url: string } | null>(null);
  const make = async (values: Values) => {
    made.value = await invite({ note: values("note"), uses: Number(values("uses")), expires_at: endOfDay(values("expires")) });
    await invitations.again();
  };
  const end = async (id: string) => {
    await endInvitation(id);
    await invitations.again();
  };
  return (
    <>
      {made.value !== null && (
        <ShownOnce key={made.value.code}>
          <p><strong>The link is shown this once.</strong> Who has it can make an account.</p>
          <Secret text={made.value.url} label="Copy the link" />
          <Secret text={made.value.code} label="Copy the code" />
        </ShownOnce>
      )}
      <Loaded of={invitations}>
        {(list) => list.length === 0 ? <p>No invitation is open.</p> : <ul class="rows">{list.map((each) => <Item key={each.id} invitation={each} onEnd={() => end(each.id)} />)}</ul>}
      </Loaded>
      <Section title="Invite">
        <Form action={make} button="Make the link" clears>
          <Field label="Note" name="note" autocomplete="off" hint="Whom it is for, so that you know it later." maxLength={200} />
          <div class="field-pair">
            <Field label="Times it works" name="uses" type="number" min={1} value="1" inputMode="numeric" autocomplete="off" />
            <Field label="Works until" name="expires" type="date" optional />
          </div>
        </Form>
      </Section>
    </>
  );
}

function Item({ invitation, onEnd }: { invitation: Invitation; onEnd: () => Promise<void> }) {
  const until = invitation.expires_at === null ? "" : `, until ${formatDate(invitation.expires_at)}`;
  return (
    <li class="row-card">
      <div class="row-main">
        <strong>{invitation.note || "Without a note"}</strong>
        <p class="hint">Made {formatDate(invitation.created_at)}{until}, {invitation.uses_left} uses left</p>
      </div>
      <Confirm label="Revoke" about={`Revoke the invitation ${invitation.note}`} question="The link stops working." action={onEnd} />
    </li>
  );
}
