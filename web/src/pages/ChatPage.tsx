// The one page: history on the left, the conversation and the composer.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Composer } from "../parts/Composer";
import { History } from "../parts/History";
import { Thread } from "../parts/Thread";
import { Welcome } from "../parts/Welcome";
import { MenuIcon } from "../parts/icons";
import { findModel, modelId } from "../state/answer";
import { current, isStored } from "../state/conversations";

const MODEL_RETRY_MS = 2000;

const isHistoryOpen = signal(false);

// Until the engine answers; it may still be loading.
function useModel() {
  useEffect(() => {
    let timer = 0;
    const look = async () => {
      await findModel();
      if (modelId.value === null) timer = window.setTimeout(() => void look(), MODEL_RETRY_MS);
    };
    void look();
    return () => clearTimeout(timer);
  }, []);
}

// Ahead of the composer, where Escape stops the answer.
function closeOnEscape(event: KeyboardEvent) {
  if (event.key !== "Escape" || !isHistoryOpen.value) return;
  isHistoryOpen.value = false;
  event.stopPropagation();
}

export function ChatPage() {
  useModel();
  const conversation = current.value;
  return (
    <div class={isHistoryOpen.value ? "page history-open" : "page"} onKeyDown={closeOnEscape}>
      <History onPick={() => (isHistoryOpen.value = false)} />
      <div class="scrim" onClick={() => (isHistoryOpen.value = false)} />
      <main class="main">
        <header class="bar">
          <button type="button" class="icon-button menu-button" aria-label="Conversations" onClick={() => (isHistoryOpen.value = true)}>
            <MenuIcon />
          </button>
          <h1 class="bar-title">{conversation?.title ?? "New conversation"}</h1>
          <span class="bar-model" title="The model that answers">{modelId.value ?? "connecting…"}</span>
        </header>
        {conversation ? <Thread conversation={conversation} /> : <Welcome />}
        <Composer />
        {!isStored.value && <p class="notice" role="status">This browser does not keep the history: its storage is full or switched off.</p>}
      </main>
    </div>
  );
}
