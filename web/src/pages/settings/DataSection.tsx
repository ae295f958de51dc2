// Taking one's data along, bringing it, and taking it away.
import { useSignal } from "@preact/signals";
import { EXPORT_PATH, type Receipt, deleteAccount } from "../../api/account";
import { type Imported, deleteAllConversations, importFile } from "../../api/conversations";
import { Confirm } from "../../parts/Confirm";
import { ForOwner } from "../../parts/ForOwner";
import { Form, Username, type Values } from "../../parts/Form";
import { Done, Failure, Spinner } from "../../parts/Notice";
import { Section } from "../../parts/Sheet";
import { useTask } from "../../parts/task";
import { findList } from "../../state/kept";
import { account, receipt } from "../../state/me";

export function DataSection() {
  return (
    <>
      <Section title="Export">
        <p>Everything that is kept of you, as one file: account, conversations, keys without their secrets, and use.</p>
        <a class="button quiet" href={EXPORT_PATH} download>Download the export</a>
      </Section>
      <Section title="Import">
        <p>Bring conversations from an export of this service, ChatGPT, DeepSeek or Open WebUI: the ZIP as you got it, or its conversations.json.</p>
        <ImportFile />
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

function ImportFile() {
  const task = useTask();
  const imported = useSignal<Imported | null>(null);
  const bring = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (file === undefined) return;
    imported.value = null;
    await task.run(async () => {
      imported.value = await importFile(file);
      await findList();
    });
    // So that the same file can be chosen again.
    input.value = "";
  };
  return (
    <>
      <div class="field">
        <label for="import-file">File of conversations</label>
        <input id="import-file" type="file" accept=".zip,.json,application/zip,application/json" disabled={task.isBusy.value} onChange={(event) => void bring(event.currentTarget)} />
      </div>
      {task.isBusy.value && <Spinner label="Reading the file" />}
      {imported.value !== null && <Done>{wordsOfImport(imported.value)}</Done>}
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </>
  );
}

function wordsOfImport({ conversations, messages }: Imported): string {
  if (conversations === 0) return "The file has no conversations.";
  const were = conversations === 1 ? "One conversation was" : `${conversations} conversations were`;
  return `${were} brought in, with ${messages === 1 ? "one message" : `${messages} messages`}.`;
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
