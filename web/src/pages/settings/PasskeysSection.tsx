// Passkeys: a finger, a face or a PIN in place of the password.
import { useSignal } from "@preact/signals";
import { type Passkey, addPasskey, listPasskeys, removePasskey, renamePasskey } from "../../api/passkeys";
import { Confirm } from "../../parts/Confirm";
import { Field, Form, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Done } from "../../parts/Notice";
import { Section } from "../../parts/Sheet";
import { canUsePasskeys } from "../../state/fresh";
import { findMe, me } from "../../state/me";
import { formatAge, formatDate } from "../../text/format";

export function PasskeysSection() {
  const passkeys = useLoaded(listPasskeys);
  const added = useSignal<string | null>(null);
  const changed = async () => {
    await passkeys.again();
    await findMe();
  };
  const add = async (values: Values) => {
    added.value = null;
    added.value = (await addPasskey(values("name").trim())).name;
    await changed();
  };
  return (
    <>
      <p>With a passkey you log in by your finger, your face or a PIN. It is on your device or in your password manager, nobody can guess it, and no false page can ask you for it.</p>
      <Loaded of={passkeys}>
        {({ passkeys: list, passkeys_max }) => (
          <>
            {list.length === 0 ? <p>You have no passkeys yet.</p> : <ul class="rows">{list.map((each) => <Item key={each.id} passkey={each} onChanged={changed} />)}</ul>}
            <Section title="Add a passkey">
              {list.length >= passkeys_max ? <p>You have {list.length} passkeys, which is as many as an account can have.</p> : <Add add={add} />}
              {added.value !== null && <Done>{added.value} is added. You can log in with it now.</Done>}
            </Section>
          </>
        )}
      </Loaded>
    </>
  );
}

function Add({ add }: { add: (values: Values) => Promise<void> }) {
  const origin = me.value?.passkey_origin ?? null;
  if (origin === null) return <p>Here passkeys cannot be used: the service has no public address yet.</p>;
  if (origin !== location.origin) return <p>Passkeys are for <a href={origin}>{origin}</a>. Open the page there to add one.</p>;
  if (!canUsePasskeys()) return <p>This browser has no passkeys.</p>;
  return (
    <Form action={add} button="Add a passkey" clears>
      <Field label="Name" name="name" autocomplete="off" hint="Where it is, so that you know it later: “My phone”." maxLength={64} />
    </Form>
  );
}

function Item({ passkey, onChanged }: { passkey: Passkey; onChanged: () => Promise<void> }) {
  const isRenaming = useSignal(false);
  const used = passkey.last_used_at === null ? "never used" : `last used ${formatAge(passkey.last_used_at)}`;
  const rename = async (values: Values) => {
    await renamePasskey(passkey.id, values("name").trim());
    await onChanged();
  };
  const remove = async () => {
    await removePasskey(passkey.id);
    await onChanged();
  };
  return (
    <li class="row-card">
      <div class="row-main">
        <strong>{passkey.name}</strong>
        <p class="hint">Added {formatDate(passkey.created_at)}, {used}</p>
      </div>
      <div class="row-actions">
        <button type="button" class="button quiet" aria-expanded={isRenaming.value} aria-label={`Rename ${passkey.name}`} onClick={() => (isRenaming.value = !isRenaming.value)}>Rename…</button>
        <Confirm label="Remove" about={`Remove ${passkey.name}`} question="It lets nobody in any more." action={remove} />
      </div>
      {isRenaming.value && (
        <Form action={rename} button="Change the name" onDone={() => (isRenaming.value = false)}>
          <Field label="New name" name="name" value={passkey.name} autocomplete="off" maxLength={64} focus />
        </Form>
      )}
    </li>
  );
}
