// The chat as its parts see it, whoever keeps it: this browser for guests, the server for
// accounts, nobody for a temporary conversation.
import { type ReadonlySignal, computed, effect, untracked } from "@preact/signals";
import type { KeptMessage } from "../api/conversations";
import { wordsOf, wordsOfReason, reasonOf } from "../text/reasons";
import * as guest from "./answer";
import { type Conversation, type Message, current, currentId, endTemporary, isTemporary } from "./conversations";
import * as kept from "./kept";
import * as answer from "./keptAnswer";
import { account } from "./me";
import type { Step } from "./tree";

export interface ShownMessage extends Message {
  reasoning?: string;
  // Which version it is, of how many.
  version?: { index: number; count: number };
  isEditable?: boolean;
  isContinuable?: boolean;
  note?: string;
}

export type Shown = Pick<Conversation, "id" | "title"> & { messages: ShownMessage[] };

export interface Chat {
  currentId: ReadonlySignal<string | null>;
  current: ReadonlySignal<Shown | null>;
  draft: ReadonlySignal<guest.Draft | null>;
  isAnswering: ReadonlySignal<boolean>;
  ask(question: string): unknown;
  regenerate(): unknown;
  stop(): unknown;
}

const guestChat: Chat = { currentId, current, draft: guest.draft, isAnswering: guest.isAnswering, ask: guest.ask, regenerate: guest.regenerate, stop: guest.stop };

const keptChat: Chat = {
  currentId: kept.openId,
  current: computed(shownOfOpen),
  draft: answer.growing,
  isAnswering: answer.isAnswering,
  ask: answer.ask,
  regenerate: answer.regenerate,
  stop: answer.stop,
};

export const isKept = computed(() => account.value !== null);
// A temporary conversation is like a guest's: the server keeps none of it.
export const chat = computed(() => (isKept.value && !isTemporary.value ? keptChat : guestChat));

// Not for a guest, who could not find it again among those that are stored.
effect(() => {
  if (!isKept.value) untracked(endTemporary);
});

export function leaveTemporary(): void {
  if (!isTemporary.value) return;
  guest.stop();
  endTemporary();
}

function shownOfOpen(): Shown | null {
  const conversation = kept.open.value;
  if (conversation === null || conversation.id !== kept.openId.value) return null;
  const growingId = answer.growing.value?.answerId ?? null;
  const messages = kept.way.value
    .filter((step) => step.message.role !== "system" && step.message.id !== growingId)
    .map(shownOf);
  const refused = answer.refused.value;
  const isUnanswered = messages.at(-1)?.role === "user" && answer.growing.value === null;
  if (isUnanswered && refused === null) messages.push({ id: "unanswered", role: "assistant", content: "", ending: "interrupted" });
  if (refused !== null) {
    const failure = { message: wordsOf(refused.failure), reason: reasonOf(refused.failure), retryAfterSeconds: null };
    messages.push({ id: "refused", role: "assistant", content: "", failure });
  }
  return { id: conversation.id, title: conversation.title, messages };
}

function shownOf({ message, index, count }: Step): ShownMessage {
  const shown: ShownMessage = {
    id: message.id,
    role: message.role === "user" ? "user" : "assistant",
    content: message.content,
    reasoning: message.reasoning ?? undefined,
    version: count > 1 ? { index, count } : undefined,
  };
  if (message.role === "user") return { ...shown, isEditable: true };
  return { ...shown, ...endingOf(message) };
}

function endingOf(message: KeptMessage): Partial<ShownMessage> {
  const tokens = message.tokens === null ? undefined : `${message.tokens} tokens`;
  switch (message.state) {
    case "failed":
      return { failure: { message: wordsOfReason(message.reason ?? "internal"), reason: message.reason ?? "internal", retryAfterSeconds: null } };
    case "interrupted":
      return { ending: "interrupted", isContinuable: true, note: tokens };
    case "stopped":
      return { ending: "stopped", isContinuable: true, note: stopNote(message) };
    case "streaming":
      return { note: "This answer is still being written. Load the page again to follow it." };
    default:
      return { ending: "stop", note: tokens };
  }
}

function stopNote(message: KeptMessage): string | undefined {
  const stopped = answer.stops.value.get(message.id);
  if (stopped !== undefined) return `The engine stopped after ${stopped.tokens} tokens, ${Math.round(stopped.stopped_after_ms)} ms after you asked.`;
  return message.tokens === null ? undefined : `It has ${message.tokens} tokens.`;
}
