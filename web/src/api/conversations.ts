// Conversations that the server keeps, and their answers.
import { SAMPLING } from "./chat";
import { type Ending, type Listener, readAnswer } from "./chunks";
import { ApiError, call, send, sendForAnswer, withQuery } from "./http";

export interface Summary {
  id: string;
  title: string;
  updated_at: number;
  pinned: boolean;
  folder: string | null;
}

// Messages are a tree by `parent`.
export interface KeptMessage {
  id: string;
  parent: string | null;
  role: "user" | "assistant" | "system";
  content: string;
  reasoning: string | null;
  model: string | null;
  created_at: number;
  state: "done" | "streaming" | "interrupted" | "stopped" | "failed";
  reason: string | null;
  tokens: number | null;
}

export interface KeptConversation extends Summary {
  created_at: number;
  shared: { url: string; at: number } | null;
  messages: KeptMessage[];
}

export interface Found {
  conversation: string;
  title: string;
  // Null: it is the title that fits.
  message: string | null;
  snippet: string;
  created_at: number;
}

export interface Stopped {
  tokens: number;
  stopped_after_ms: number;
}

export interface Shared {
  title: string;
  messages: KeptMessage[];
  shared_at: number;
}

// The conversations of another place, in our own format.
export interface Bundle {
  format: "holdfast-conversations";
  version: 1;
  conversations: { title: string; created_at: number; messages: { id: string; parent: string | null; role: string; content: string }[] }[];
}

// What was brought in.
export interface Imported {
  conversations: number;
  messages: number;
}

// A new question, the same question again, or the rest of an answer that broke off.
export type Asking = { parent: string | null; content: string } | { parent: string; regenerate: true } | { continue: string };

const pathOf = (id: string, rest = "") => `/api/conversations/${encodeURIComponent(id)}${rest}`;
const messagePath = (id: string, message: string, rest: string) => pathOf(id, `/messages/${encodeURIComponent(message)}/${rest}`);

export const listConversations = (folder?: string, cursor?: string) =>
  call<{ conversations: Summary[]; next: string | null }>("GET", withQuery("/api/conversations", { folder, cursor }));
export const startConversation = (title: string) => call<{ id: string }>("POST", "/api/conversations", { title });
export const getConversation = (id: string) => call<KeptConversation>("GET", pathOf(id));
export const changeConversation = (id: string, change: Partial<Pick<Summary, "title" | "pinned" | "folder">>) => call<unknown>("PATCH", pathOf(id), change);
export const deleteConversation = (id: string) => call<void>("DELETE", pathOf(id));
export const deleteAllConversations = () => call<void>("DELETE", "/api/conversations");
export const search = (query: string) => call<{ results: Found[]; complete?: boolean }>("GET", withQuery("/api/search", { q: query }));
export const share = (id: string) => call<{ url: string }>("POST", pathOf(id, "/share"));
export const unshare = (id: string) => call<void>("DELETE", pathOf(id, "/share"));
export const getShared = (token: string) => call<Shared>("GET", `/api/shared/${encodeURIComponent(token)}`);
export const importConversations = (bundle: Bundle | Blob) => call<Imported>("POST", "/api/conversations/import", bundle);
// What another service, or this one, gave out: JSON, or a ZIP with it inside. Browsers have several
// types for a ZIP, so its name decides.
export const importFile = (file: File) => importConversations(file.slice(0, file.size, /\.zip$/i.test(file.name) ? "application/zip" : "application/json"));
export const stopAnswer = (id: string, message: string) => call<Stopped>("POST", messagePath(id, message, "stop"));

// Keeps the question and streams its answer, which goes on at the server when this page leaves.
export async function ask(id: string, asking: Asking, model: string | null, signal: AbortSignal, listener: Listener): Promise<Ending> {
  return read(await sendForAnswer(pathOf(id, "/messages"), { ...asking, model: model ?? undefined, options: SAMPLING }, signal), listener);
}

// The same answer from its beginning: on a second device, or after a reload.
export async function follow(id: string, message: string, signal: AbortSignal, listener: Listener): Promise<Ending> {
  return read(await send("GET", messagePath(id, message, "events"), undefined, signal), listener);
}

function read(response: Response, listener: Listener): Promise<Ending> {
  if (response.body === null) throw new ApiError("The server sent no answer.", "internal", null);
  return readAnswer(response.body, listener);
}
