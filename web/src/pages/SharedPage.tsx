// A conversation that someone shared, for whoever has the link.
import { type KeptMessage, getShared } from "../api/conversations";
import { Loaded, useLoaded } from "../parts/Loaded";
import { Thread } from "../parts/Thread";
import { useTitle } from "../parts/title";
import { AnchorIcon } from "../parts/icons";
import type { Shown, ShownMessage } from "../state/chat";
import { route } from "../state/route";
import { wayThrough } from "../state/tree";
import { formatTime } from "../text/format";

// What is shared may be a tree, or one way through it already.
function wayOf(messages: KeptMessage[]): KeptMessage[] {
  const isTree = messages.some((message) => message.parent);
  const way = isTree ? wayThrough(messages, new Map()).map((step) => step.message) : messages;
  return way.filter((message) => message.role !== "system");
}

const shownOf = ({ id, role, content }: KeptMessage): ShownMessage => ({ id, role: role === "user" ? "user" : "assistant", content });

export function SharedPage() {
  const token = route.value.parts[1] ?? route.value.query.get("token") ?? "";
  const shared = useLoaded(async () => {
    const found = await getShared(token);
    const shown: Shown = { id: token, title: found.title, messages: wayOf(found.messages).map(shownOf) };
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
