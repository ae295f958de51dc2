// Conversations, kept in this browser's local storage only, at most CONVERSATIONS_MAX of them: the
// one untouched longest goes first. If the storage is full or forbidden the chat still works, and
// `isStored` says so. Tabs share them: what one writes, the others take over.
import { computed, effect, signal } from "@preact/signals";
import type { Role } from "../api/chat";

export interface Message {
  id: string;
  role: Role;
  content: string;
  // How an answer ended: "stop", "length", "stopped" (by the reader), "interrupted" (the page went
  // away), or a failure.
  ending?: string;
  // The beginning of the conversation had no room in the model's context.
  isCut?: boolean;
  failure?: { message: string; reason: string; retryAfterSeconds: number | null };
  tokensPerSecond?: number;
}

export interface Conversation {
  id: string;
  title: string;
  touchedAt: number;
  messages: Message[];
  // It is never written anywhere, and ends when one leaves it.
  isTemporary?: boolean;
}

const STORAGE_KEY = "holdfast.conversations.v1";
const CONVERSATIONS_MAX = 100;
const TITLE_CHARS_MAX = 48;

export const conversations = signal<Conversation[]>(load().map(endInterrupted));
// The conversation whose answer this tab is writing; other tabs do not change it.
export const answeringId = signal<string | null>(null);
export const currentId = signal<string | null>(null);
export const isStored = signal(true);
// Those that stand in a history.
export const stored = computed(() => conversations.value.filter((c) => !c.isTemporary));
// What is asked next, is asked in a temporary conversation.
export const isTemporary = signal(false);
export const current = computed(() => conversations.value.find((c) => c.id === currentId.value) ?? null);

effect(() => {
  const text = JSON.stringify(stored.value);
  try {
    // A write that changes nothing would go around between tabs for ever.
    if (localStorage.getItem(STORAGE_KEY) !== text) localStorage.setItem(STORAGE_KEY, text);
    isStored.value = true;
  } catch {
    isStored.value = false;
  }
});

window.addEventListener("storage", (event) => {
  if (event.key !== STORAGE_KEY) return;
  const own = conversations.value.filter((c) => c.id === answeringId.value || c.isTemporary);
  const others = load().filter((c) => own.every((each) => each.id !== c.id));
  conversations.value = newestFirst([...own, ...others]);
});

export function startConversation(firstMessage: string): Conversation {
  const conversation: Conversation = { id: newId(), title: titleOf(firstMessage), touchedAt: Date.now(), messages: [], isTemporary: isTemporary.value };
  conversations.value = [conversation, ...conversations.value].slice(0, CONVERSATIONS_MAX);
  currentId.value = conversation.id;
  return conversation;
}

export function updateConversation(id: string, change: (conversation: Conversation) => Conversation): void {
  conversations.value = newestFirst(conversations.value.map((c) => (c.id === id ? { ...change(c), touchedAt: Date.now() } : c)));
}

export function deleteConversation(id: string): void {
  conversations.value = conversations.value.filter((c) => c.id !== id);
  if (currentId.value === id) currentId.value = null;
}

// Those that are stored.
export function forgetAll(): void {
  conversations.value = conversations.value.filter((c) => c.isTemporary);
}

export function beginTemporary(): void {
  currentId.value = null;
  isTemporary.value = true;
}

export function endTemporary(): void {
  if (!isTemporary.value) return;
  conversations.value = stored.value;
  currentId.value = null;
  isTemporary.value = false;
}

export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function newestFirst(list: Conversation[]): Conversation[] {
  return [...list].sort((a, b) => b.touchedAt - a.touchedAt);
}

// A question that the page left unanswered when it went away can be asked again.
function endInterrupted(conversation: Conversation): Conversation {
  if (conversation.messages.at(-1)?.role !== "user") return conversation;
  const ended: Message = { id: newId(), role: "assistant", content: "", ending: "interrupted" };
  return { ...conversation, messages: [...conversation.messages, ended] };
}

export function titleOf(message: string): string {
  const line = message.trim().replace(/\s+/g, " ");
  return line.length <= TITLE_CHARS_MAX ? line : `${line.slice(0, TITLE_CHARS_MAX - 1)}…`;
}

function load(): Conversation[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(stored) ? (stored as Conversation[]).filter((c) => c.id && Array.isArray(c.messages)) : [];
  } catch {
    return [];
  }
}
