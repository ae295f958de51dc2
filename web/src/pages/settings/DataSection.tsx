// Taking one's data along, and taking it away.
import { EXPORT_PATH, type Receipt, deleteAccount } from "../../api/account";
import { deleteAllConversations } from "../../api/conversations";
import { Confirm } from "../../parts/Confirm";
import { ForOwner } from "../../parts/ForOwner";
import { Form, Username, type Values } from "../../parts/Form";
import { Section } from "../../parts/Sheet";
import { account, receipt } from "../../state/me";

export function DataSection() {
  return (
    <>
      <Section title="Export">
        <p>Everything that is kept of you, as one file: account, conversations, keys without their secrets, and use.</p>
        <a class="button quiet" href={EXPORT_PATH} download>Download the export</a>
      </Section>
      <Section title="Conversations">
        <p>Delete every conversation, with all shared links. The account stays.</p>
        <Confirm label="Delete all conversations" question="This cannot be undone." action={deleteAllConversations} />
      </Section>
      <Section title="Delete the account">
        <p>The account and everything of it is deleted at once, and you get a receipt of what was. This cannot be undone.</p>
        <DeleteAccount />
      </Section>
    </>
  );
}

function DeleteAccount() {
  const remove = async (values: Values) => {
    const name = account.value!.name;
    const given: Receipt = await deleteAccount(values("password"));
    receipt.value = { ...given, name };
  };
  return (
    <ForOwner section="data" what="delete the account">
      {(password) => (
        <Form action={remove} button="Delete my account" fields={{ wrong_credentials: "password" }} danger>
          <Username name={account.value!.name} />
          {password}
        </Form>
      )}
    </ForOwner>
  );
}
