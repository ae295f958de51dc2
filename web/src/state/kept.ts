// The conversations that the server keeps: their list, and the one that is open. Which one is open
// stands in the address ("#/c/ID"), so that a reload and a second device find it.
import { computed, effect, signal } from "@preact/signals";
import * as api from "../api/conversations";
import { account, leaveIfOver } from "./me";
import { go, route } from "./route";
import { type Choice, leadingTo, wayThrough } from "./tree";

export const list = signal<api.Summary[]>([]);
export const next = signal<string | null>(null);
export const listFailure = signal<unknown>(null);
export const folder = signal("");
export const open = signal<api.KeptConversation | null>(null);
export const openFailure = signal<unknown>(null);
export const choice = signal<Choice>(new Map());
// A message that a search led to; the thread scrolls there.
export const soughtMessage = signal<string | null>(null);

export const openId = computed(() => (route.value.parts[0] === "c" ? (route.value.parts[1] ?? null) : null));
export const way = computed(() => (open.value === null ? [] : wayThrough(open.value.messages, choice.value)));
// Those that this page has seen; there is no list of them at the server.
export const folders = computed(() => [...new Set(list.value.flatMap((each) => each.folder ?? []))].sort());

// Another person's list is not shown for a moment, either.
effect(() => {
  if (account.value === null) {
    list.value = [];
    open.value = null;
  }
});

export async function findList(cursor?: string): Promise<void> {
  try {
    const page = await api.listConversations(folder.value || undefined, cursor);
    list.value = cursor === undefined ? page.conversations : [...list.value, ...page.conversations];
    next.value = page.next;
    listFailure.value = null;
  } catch (failure) {
    leaveIfOver(failure);
    listFailure.value = failure;
  }
}

// Takes over what the server holds now.
export async function findOpen(): Promise<void> {
  const id = openId.value;
  if (id === null) {
    open.value = null;
    openFailure.value = null;
    return;
  }
  if (open.value?.id !== id) {
    open.value = null;
    choice.value = new Map();
  }
  try {
    const found = await api.getConversation(id);
    if (openId.value !== id) return;
    open.value = found;
    openFailure.value = null;
  } catch (failure) {
    leaveIfOver(failure);
    if (openId.value === id) openFailure.value = failure;
  }
}

// A conversation for a first question; it is open then.
export async function start(title: string): Promise<void> {
  const now = Date.now();
  const made = await api.startConversation(title);
  choice.value = new Map();
  open.value = { id: made.id, title, folder: null, pinned: false, updated_at: now, created_at: now, shared: null, messages: [] };
  go(`/c/${encodeURIComponent(made.id)}`);
}

export async function change(id: string, what: Partial<Pick<api.Summary, "title" | "pinned" | "folder">>): Promise<void> {
  await api.changeConversation(id, what);
  if (open.value?.id === id) open.value = { ...open.value, ...what };
  await findList();
}

export async function remove(id: string): Promise<void> {
  await api.deleteConversation(id);
  if (openId.value === id) go("/");
  await findList();
}

export async function share(id: string): Promise<void> {
  const { url } = await api.share(id);
  setShared(id, { url, at: Date.now() });
}

export async function unshare(id: string): Promise<void> {
  await api.unshare(id);
  setShared(id, null);
}

function setShared(id: string, shared: api.KeptConversation["shared"]): void {
  if (open.value?.id === id) open.value = { ...open.value, shared };
}

export function show(message: string): void {
  if (open.value !== null) choice.value = leadingTo(open.value.messages, message, choice.value);
}

