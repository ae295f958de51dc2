// A conversation that someone shared, for whoever has the link.
import { getShared } from "../api/conversations";
import { Loaded, useLoaded } from "../parts/Loaded";
import { Thread } from "../parts/Thread";
import { useTitle } from "../parts/title";
import { AnchorIcon } from "../parts/icons";
import type { Shown } from "../state/chat";
import { route } from "../state/route";
import { wayThrough } from "../state/tree";
import { formatTime } from "../text/format";

export function SharedPage() {
  const token = route.value.parts[1] ?? route.value.query.get("token") ?? "";
  const shared = useLoaded(async () => {
    const found = await getShared(token);
    const messages = wayThrough(found.messages, new Map()).map(({ message }) => ({ id: message.id, role: message.role === "user" ? ("user" as const) : ("assistant" as const), content: message.content }));
    const shown: Shown = { id: token, title: found.title, messages };
    return { shown, at: found.shared_at };
  }, token);
  useTitle(shared.value?.shown.title ?? "Shared conversation");
  return (
    <main class="main shared">
      <header class="bar">
        <a class="brand" href="#/" aria-label="Holdfast"><AnchorIcon /> <span>Holdfast</span></a>
        <h1 class="bar-title">{shared.value?.shown.title ?? "Shared conversation"}</h1>
        {shared.value && <span class="bar-model">Shared {formatTime(shared.value.at)}</span>}
      </header>
      {shared.value ? <Thread conversation={shared.value.shown} isReadOnly /> : <div class="welcome"><Loaded of={shared}>{() => null}</Loaded></div>}
    </main>
  );
}
