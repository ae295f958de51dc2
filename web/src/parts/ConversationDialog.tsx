// What can be done with a conversation of the list: rename, pin, put into a folder, share, delete.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type KeptConversation, type Summary, getConversation } from "../api/conversations";
import { change, folders, remove, share, unshare } from "../state/kept";
import { formatTime } from "../text/format";
import { Confirm } from "./Confirm";
import { Secret } from "./CopyButton";
import { Field, Form, type Values } from "./Form";
import { Failure } from "./Notice";
import { useTask } from "./task";

export function ConversationDialog({ summary, onClose }: { summary: Summary; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current!.showModal(), []);
  const save = (values: Values) =>
    change(summary.id, { title: values("title").trim(), pinned: values("pinned") === "on", folder: values("folder").trim() || null });
  const end = async () => {
    await remove(summary.id);
    onClose();
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="dialog-title" onClose={onClose} onKeyDown={(event) => event.stopPropagation()}>
      <h2 id="dialog-title">{summary.title}</h2>
      <Form action={save} button="Save" onDone={() => dialog.current?.close()}>
        <Field label="Title" name="title" value={summary.title} autocomplete="off" maxLength={200} />
        <Field label="Folder" name="folder" value={summary.folder ?? ""} autocomplete="off" list="folder-names" maxLength={64} optional />
        <datalist id="folder-names">{folders.value.map((name) => <option key={name} value={name} />)}</datalist>
        <label class="switch"><input type="checkbox" name="pinned" defaultChecked={summary.pinned} /> Pinned to the top</label>
      </Form>
      <Share id={summary.id} />
      <div class="dialog-foot">
        <Confirm label="Delete" question="Delete it for good?" action={end} />
        <button type="button" class="button quiet" onClick={() => dialog.current?.close()}>Close</button>
      </div>
    </dialog>
  );
}

function Share({ id }: { id: string }) {
  const shared = useSignal<KeptConversation["shared"]>(null);
  const task = useTask();
  const look = async () => void (shared.value = (await getConversation(id)).shared);
  useEffect(() => void task.run(look), []);
  const act = (action: (id: string) => Promise<void>) => task.run(() => action(id).then(look));
  return (
    <section class="share">
      <h3>Share</h3>
      {shared.value === null ? (
        <p class="row">
          <span>Who has the link reads the conversation as it is now.</span>
          <button type="button" class="button quiet" disabled={task.isBusy.value} onClick={() => void act(share)}>Make a link</button>
        </p>
      ) : (
        <>
          <Secret text={absolute(shared.value.url)} label="Copy the link" />
          <p class="row">
            <span class="hint">Shared {formatTime(shared.value.at)}</span>
            <button type="button" class="button quiet" disabled={task.isBusy.value} onClick={() => void act(unshare)}>Revoke the link</button>
          </p>
        </>
      )}
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </section>
  );
}

// The server names "/shared/TOKEN"; this page shows that behind "#".
const absolute = (url: string) => new URL(url.replace(/^\/shared\//, "/#/shared/"), location.href).href;
