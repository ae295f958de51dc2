// The answer that is being written: at most one at a time in a tab.
import { computed, signal } from "@preact/signals";
import { type WireMessage, listModels, streamAnswer } from "../api/chat";
import type { Ending, Listener, Waiting } from "../api/chunks";
import { ApiError } from "../api/http";
import { type Message, answeringId, conversations, currentId, newId, startConversation, updateConversation } from "./conversations";

// An answer cut off after so few tokens had no room left in the model's context.
const ROOM_TOKENS_MIN = 64;

export const modelId = signal<string | null>(null);
export const isAnswering = computed(() => answeringId.value !== null);
// Text so far, apart from the stored conversation so that a token redraws one bubble only.
// `waiting`: the place in the queue, until the first word.
export interface Draft {
  conversationId: string;
  text: string;
  reasoning?: string;
  waiting?: Waiting;
}
export const draft = signal<Draft | null>(null);

let abort: AbortController | null = null;

export async function findModel(): Promise<void> {
  try {
    modelId.value = (await listModels())[0] ?? null;
  } catch {
    modelId.value = null;
  }
}

export function ask(question: string): void {
  const id = currentId.value ?? startConversation(question).id;
  append(id, { id: newId(), role: "user", content: question });
  void answer(id);
}

// Drops the last answer and asks for another one.
export function regenerate(): void {
  const id = currentId.value;
  if (id === null || isAnswering.value) return;
  updateConversation(id, (c) => {
    const last = c.messages.at(-1);
    return { ...c, messages: last?.role === "assistant" ? c.messages.slice(0, -1) : c.messages };
  });
  void answer(id);
}

export function stop(): void {
  abort?.abort();
}

async function answer(conversationId: string): Promise<void> {
  const conversation = conversations.value.find((c) => c.id === conversationId);
  if (!conversation || isAnswering.value) return;
  answeringId.value = conversationId;
  abort = new AbortController();
  draft.value = { conversationId, text: "" };
  let text = "";
  let firstTextAt = 0;
  const result: Partial<Message> = {};
  try {
    if (modelId.value === null) await findModel();
    const listener: Listener = {
      onText(piece) {
        if (text === "") firstTextAt = performance.now();
        text += piece;
        draft.value = { conversationId, text };
      },
      onWaiting(waiting) {
        draft.value = { conversationId, text, waiting };
      },
    };
    const history = conversation.messages.filter((m) => m.content !== "").map(({ role, content }) => ({ role, content }));
    const whole = history.length;
    let ending = await streamFitting(history, abort.signal, listener);
    while (ending.finishReason === "length" && (ending.completionTokens ?? ROOM_TOKENS_MIN) < ROOM_TOKENS_MIN && dropOldest(history)) {
      text = "";
      ending = await streamFitting(history, abort.signal, listener);
    }
    if (history.length < whole) result.isCut = true;
    result.ending = ending.finishReason || "stop";
    const seconds = (performance.now() - firstTextAt) / 1000;
    if (ending.completionTokens !== null && ending.completionTokens > 4 && seconds > 0.05) {
      result.tokensPerSecond = Math.round(ending.completionTokens / seconds);
    }
  } catch (failure) {
    if (abort.signal.aborted) result.ending = draft.value?.waiting ? "left" : "stopped";
    else if (failure instanceof ApiError) {
      result.failure = { message: failure.message, reason: failure.reason, retryAfterSeconds: failure.retryAfterSeconds };
    } else {
      result.failure = { message: "The connection broke off.", reason: "connection_lost", retryAfterSeconds: null };
    }
  }
  if (draft.value !== null) append(conversationId, { id: newId(), role: "assistant", content: text, ...result });
  draft.value = null;
  abort = null;
  answeringId.value = null;
}

// Asks with as much of the end of `history` as the model's context holds.
async function streamFitting(history: WireMessage[], signal: AbortSignal, listener: Listener): Promise<Ending> {
  for (;;) {
    try {
      return await streamAnswer(modelId.value ?? "default", history, signal, listener);
    } catch (failure) {
      if (!(failure instanceof ApiError) || failure.reason !== "context_too_long" || !dropOldest(history)) throw failure;
    }
  }
}

// Takes the oldest quarter away, so that what is left begins with a question. False: nothing to take.
function dropOldest(history: WireMessage[]): boolean {
  let count = Math.ceil(history.length / 4);
  while (count < history.length && history[count]!.role !== "user") ++count;
  if (count >= history.length) return false;
  history.splice(0, count);
  return true;
}

// Leaving the page ends the answer; what there is of it stays.
window.addEventListener("pagehide", () => {
  if (draft.value === null) return;
  const { conversationId, text } = draft.value;
  draft.value = null;
  abort?.abort();
  append(conversationId, { id: newId(), role: "assistant", content: text, ending: "interrupted" });
});

function append(conversationId: string, message: Message): void {
  updateConversation(conversationId, (c) => ({ ...c, messages: [...c.messages, message] }));
}
