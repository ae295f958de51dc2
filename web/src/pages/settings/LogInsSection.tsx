// The providers that one logs in with. The last way into the account stays.
import { useSignal } from "@preact/signals";
import { type Identities, type Provider, getIdentities, linkProvider, unlinkProvider } from "../../api/account";
import { ForOwner } from "../../parts/ForOwner";
import { Form, Username, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { account, me } from "../../state/me";
import { formatAge, formatDate } from "../../text/format";

export function LogInsSection() {
  const identities = useLoaded(getIdentities);
  const providers = me.value?.providers ?? [];
  if (providers.length === 0) return <p>This service works with no provider. You log in with your name and password.</p>;
  return (
    <Loaded of={identities}>
      {(found) => (
        <>
          <p>{account.value!.password === false ? "You log in with a provider; this account has no password." : "Beside your password, you can log in with a provider once it is linked."}</p>
          <ul class="rows">
            {providers.map((each) => <ProviderRow key={each.id} provider={each} identity={found.identities.find((one) => one.provider === each.id)} onChange={() => void identities.again()} />)}
          </ul>
        </>
      )}
    </Loaded>
  );
}

interface RowOptions {
  provider: Provider;
  identity?: Identities["identities"][number];
  onChange: () => void;
}

function ProviderRow({ provider, identity, onChange }: RowOptions) {
  const isOpen = useSignal(false);
  const verb = identity === undefined ? "Link" : "Unlink";
  const act = async (values: Values) => {
    if (identity === undefined) {
      location.assign(await linkProvider(provider.id, values("password")));
    } else {
      await unlinkProvider(provider.id, values("password"));
      isOpen.value = false;
      onChange();
    }
  };
  return (
    <li class="row-card">
      <div class="row-main">
        <strong>{provider.name}</strong> {identity !== undefined && <span class="tag">Linked</span>}
        {identity !== undefined && <p class="hint">Since {formatDate(identity.linked_at)}{identity.last_used_at !== null && `, last used ${formatAge(identity.last_used_at)}`}</p>}
        {isOpen.value && (
          <ForOwner section="log-ins" what={`${verb.toLowerCase()} ${provider.name}`}>
            {(password) => (
              <Form action={act} button={`${verb} ${provider.name}`} fields={{ wrong_credentials: "password" }}>
                <Username name={account.value!.name} />
                {password}
              </Form>
            )}
          </ForOwner>
        )}
      </div>
      <button type="button" class="button quiet" aria-expanded={isOpen.value} aria-label={`${isOpen.value ? "Leave" : verb} ${provider.name}`} onClick={() => (isOpen.value = !isOpen.value)}>{isOpen.value ? "Leave it" : verb}</button>
    </li>
  );
}
