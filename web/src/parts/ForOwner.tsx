// What only the owner of the account may do: with the password, or where there is none, after a fresh
// log-in at a provider. The form gets the field to put into itself; null: it needs none.
import type { ComponentChildren } from "preact";
import { confirmAtProvider, getIdentities } from "../api/account";
import { account } from "../state/me";
import { Field } from "./Form";
import { Loaded, useLoaded } from "./Loaded";
import { Failure } from "./Notice";
import { useTask } from "./task";

interface OwnerOptions {
  // Of the settings, to come back to.
  section: string;
  // "delete the account"
  what: string;
  children: (password: ComponentChildren) => ComponentChildren;
}

export function ForOwner(options: OwnerOptions) {
  if (account.value!.password === false) return <Fresh {...options} />;
  return <>{options.children(<Field label="Your password" name="password" type="password" autocomplete="current-password" />)}</>;
}

function Fresh({ section, what, children }: OwnerOptions) {
  const identities = useLoaded(getIdentities);
  const task = useTask();
  const go = async (provider: string) => location.assign(await confirmAtProvider(provider, section));
  return (
    <Loaded of={identities}>
      {({ fresh_until, identities: list }) =>
        fresh_until !== null ? (
          children(null)
        ) : (
          <>
            <p class="hint">This account has no password. To {what}, first show that it is you.</p>
            <div class="row">
              {list.map(({ provider, name }) => provider !== null && <button key={provider} type="button" class="button quiet" disabled={task.isBusy.value} onClick={() => void task.run(() => go(provider))}>Log in anew at {name}</button>)}
            </div>
            {task.failure.value !== null && <Failure failure={task.failure.value} />}
          </>
        )
      }
    </Loaded>
  );
}
