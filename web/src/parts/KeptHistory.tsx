// The history of an account: a list by pin and age, a search through all messages, folders.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Found, type Summary, search } from "../api/conversations";
import { leaveTemporary } from "../state/chat";
import { findList, folder, folders, list, listFailure, next, openId, soughtMessage } from "../state/kept";
import { account, leaveIfOver, logOut } from "../state/me";
import { go } from "../state/route";
import { ConversationDialog } from "./ConversationDialog";
import { Failure } from "./Notice";
import { AnchorIcon, MoreIcon, PinIcon, PlusIcon } from "./icons";

const TYPING_MS = 250;

export function KeptHistory({ onPick }: { onPick: () => void }) {
  const query = useSignal("");
  const about = useSignal<Summary | null>(null);
  useEffect(() => void findList(), [folder.value, account.value?.id]);
  const pick = (path: string) => {
    leaveTemporary();
    go(path);
    onPick();
  };
  return (
    <nav class="history" aria-label="Conversations">
      <div class="brand"><AnchorIcon /> Holdfast</div>
      <button type="button" class="new-button" onClick={() => pick("/")}><PlusIcon /> New conversation</button>
      <input class="history-search" type="search" aria-label="Search in all conversations" placeholder="Search" autocomplete="off" value={query.value} onInput={(event) => (query.value = event.currentTarget.value)} />
      {query.value.trim() === "" ? <List onPick={pick} onMore={(summary) => (about.value = summary)} /> : <Results query={query.value.trim()} onPick={pick} />}
      <Foot />
      {about.value !== null && <ConversationDialog summary={about.value} onClose={() => (about.value = null)} />}
    </nav>
  );
}

function List({ onPick, onMore }: { onPick: (path: string) => void; onMore: (summary: Summary) => void }) {
  return (
    <>
      {(folders.value.length > 0 || folder.value !== "") && <Folders />}
      {listFailure.value !== null && <Failure failure={listFailure.value} retry={() => void findList()} />}
      <ul class="history-list">
        {list.value.map((each) => (
          <li key={each.id} class={each.id === openId.value ? "history-item current" : "history-item"}>
            <button type="button" class="history-pick" aria-current={each.id === openId.value ? "page" : undefined} onClick={() => onPick(`/c/${encodeURIComponent(each.id)}`)}>
              {each.pinned && <span class="pin"><PinIcon /></span>}{each.title}
            </button>
            <button type="button" class="icon-button history-more" aria-haspopup="dialog" aria-label={`Options of “${each.title}”`} onClick={() => onMore(each)}><MoreIcon /></button>
          </li>
        ))}
        {next.value !== null && <li><button type="button" class="link-button" onClick={() => void findList(next.value!)}>Older ones</button></li>}
      </ul>
    </>
  );
}

function Folders() {
  return (
    <select class="history-folder" aria-label="Folder" value={folder.value} onChange={(event) => (folder.value = event.currentTarget.value)}>
      <option value="">All folders</option>
      {[...new Set([...folders.value, folder.value])].filter((name) => name !== "").map((name) => <option key={name} value={name}>{name}</option>)}
    </select>
  );
}

function Results({ query, onPick }: { query: string; onPick: (path: string) => void }) {
  const found = useSignal<Found[] | null>(null);
  const isComplete = useSignal(true);
  const failure = useSignal<unknown>(null);
  useEffect(() => {
    let isWanted = true;
    const look = async () => {
      try {
        const { results, complete } = await search(query);
        if (!isWanted) return;
        found.value = results;
        isComplete.value = complete !== false;
        failure.value = null;
      } catch (caught) {
        leaveIfOver(caught);
        failure.value = caught;
      }
    };
    const timer = window.setTimeout(() => void look(), TYPING_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [query]);
  const open = (result: Found) => {
    soughtMessage.value = result.message;
    onPick(`/c/${encodeURIComponent(result.conversation)}`);
  };
  if (failure.value !== null) return <Failure failure={failure.value} />;
  return (
    <>
      <p class="history-note" role="status">{found.value === null ? "Searching…" : found.value.length === 0 ? "Nothing found." : `${found.value.length} found`}{!isComplete.value && " There may be more in older ones."}</p>
      <ul class="history-list">
        {found.value?.map((result) => (
          <li key={result.message ?? result.conversation} class="history-item">
            <button type="button" class="history-pick found" onClick={() => open(result)}><strong>{result.title}</strong><span>{result.snippet}</span></button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Foot() {
  const own = account.value;
  if (own === null) return null;
  return (
    <p class="history-foot">
      <a href="#/settings" title="Settings">{own.name}</a>
      {own.role === "operator" && <a href="#/admin">Operators</a>}
      <button type="button" class="link-button" onClick={() => void logOut().catch(leaveIfOver)}>Log out</button>
    </p>
  );
}
