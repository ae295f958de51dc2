// Where one may log in instead of here. A link, since the browser itself goes there.
import { startPath } from "../api/account";
import { me } from "../state/me";

export function Providers() {
  const providers = me.value?.providers ?? [];
  if (providers.length === 0 || me.value?.login === "needs_https") return null;
  return (
    <div class="providers">
      {providers.map((each) => <a key={each.id} class="button quiet" href={startPath(each.id)}>Continue with {each.name}</a>)}
    </div>
  );
}
