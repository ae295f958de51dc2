// The history of a guest, kept in this browser.
import { isAnswering } from "../state/answer";
import { currentId, deleteConversation, stored } from "../state/conversations";
import { hasAccounts } from "../state/me";
import { AnchorIcon, PlusIcon, TrashIcon } from "./icons";

export function History({ onPick }: { onPick: () => void }) {
  const pick = (id: string | null) => {
    currentId.value = id;
    onPick();
  };
  return (
    <nav class="history" aria-label="Conversations">
      <div class="brand"><AnchorIcon /> Holdfast</div>
      <button type="button" class="new-button" onClick={() => pick(null)}>
        <PlusIcon /> New conversation
      </button>
      <ul class="history-list">
        {stored.value.map((c) => (
          <li key={c.id} class={c.id === currentId.value ? "history-item current" : "history-item"}>
            <button type="button" class="history-pick" aria-current={c.id === currentId.value ? "page" : undefined} onClick={() => pick(c.id)}>
              {c.title}
            </button>
            <button
              type="button"
              class="icon-button history-more"
              aria-label={`Delete “${c.title}”`}
              disabled={isAnswering.value && c.id === currentId.value}
              onClick={() => deleteConversation(c.id)}
            >
              <TrashIcon />
            </button>
          </li>
        ))}
      </ul>
      <p class="history-note">Kept in this browser only.</p>
      {hasAccounts.value && <p class="history-foot"><a href="#/login">Log in</a> <a href="#/sign-up">Make an account</a></p>}
    </nav>
  );
}
