// The chat: history on the left, the conversation and the composer.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Composer } from "../parts/Composer";
import { History } from "../parts/History";
import { later } from "../parts/Later";
import { Level } from "../parts/Level";
import { Failure, Spinner } from "../parts/Notice";
import { Restricted } from "../parts/Restricted";
import { Solving } from "../parts/Solving";
import { Thread } from "../parts/Thread";
import { Welcome } from "../parts/Welcome";
import { MenuIcon } from "../parts/icons";
import { findModel, modelId } from "../state/answer";
import { chat, isKept, leaveTemporary } from "../state/chat";
import { isStored, isTemporary } from "../state/conversations";
import { findList, findOpen, open, openFailure, openId, show, soughtMessage } from "../state/kept";
import { followOpen, growing, refused, regenerate } from "../state/keptAnswer";
import { startLooking } from "../state/service";

const MODEL_RETRY_MS = 2000;

const isHistoryOpen = signal(false);

// Guests need neither.
const KeptHistory = later(async () => (await import("./accounts")).KeptHistory, (child) => <nav class="history" aria-label="Conversations">{child}</nav>);
const TakeOver = later(async () => (await import("./accounts")).TakeOver, () => null);

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

// Opens the conversation of the address, and looks again when one comes back to this page: another
// device may have gone on with it.
function useKept() {
  useEffect(() => {
    if (openId.value !== null) leaveTemporary();
    if (!isKept.value || open.value?.id === openId.value) return;
    void findOpen().then(followOpen);
  }, [isKept.value, openId.value]);
  useEffect(() => {
    const look = () => {
      if (document.visibilityState !== "visible" || !isKept.value || growing.value !== null || refused.value !== null) return;
      void findList();
      void findOpen().then(followOpen);
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  const sought = soughtMessage.value;
  useEffect(() => {
    if (sought === null || !open.value?.messages.some((message) => message.id === sought)) return;
    soughtMessage.value = null;
    show(sought);
    requestAnimationFrame(() => document.getElementById(`m-${sought}`)?.scrollIntoView({ block: "center" }));
  }, [sought, open.value]);
}

// Ahead of the composer, where Escape stops the answer.
function closeOnEscape(event: KeyboardEvent) {
  if (event.key !== "Escape" || !isHistoryOpen.value) return;
  isHistoryOpen.value = false;
  event.stopPropagation();
}

export function ChatPage() {
  useModel();
  useKept();
  useEffect(startLooking, []);
  const conversation = chat.value.current.value;
  const close = () => (isHistoryOpen.value = false);
  return (
    <div class={isHistoryOpen.value ? "page history-open" : "page"} onKeyDown={closeOnEscape}>
      {isKept.value ? <KeptHistory onPick={close} /> : <History onPick={close} />}
      <div class="scrim" onClick={close} />
      <main class="main">
        <header class="bar">
          <button type="button" class="icon-button menu-button" aria-label="Conversations" onClick={() => (isHistoryOpen.value = true)}>
            <MenuIcon />
          </button>
          <h1 class="bar-title">{conversation?.title ?? "New conversation"}</h1>
          {isTemporary.value && <span class="tag">Temporary</span>}
          <span class="bar-model" title="The model that answers">{modelId.value ?? "connecting…"}</span>
        </header>
        <Restricted />
        <Level />
        {isKept.value && <TakeOver />}
        {conversation ? <Thread conversation={conversation} /> : <NoThread />}
        <Solving />
        <Composer />
        {!isStored.value && <p class="notice" role="status">This browser does not keep the history: its storage is full or switched off.</p>}
      </main>
    </div>
  );
}

// No conversation yet; or one that is on its way, or is not there.
function NoThread() {
  if (!isKept.value || isTemporary.value || openId.value === null) {
    const failed = isKept.value && !isTemporary.value ? refused.value : null;
    return (
      <>
        <Welcome />
        {failed !== null && <div class="aside"><Failure failure={failed.failure} retry={() => void regenerate()} /></div>}
      </>
    );
  }
  return <div class="welcome">{openFailure.value === null ? <Spinner /> : <Failure failure={openFailure.value} retry={() => void findOpen().then(followOpen)} />}</div>;
}
