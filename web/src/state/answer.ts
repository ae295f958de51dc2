// The answer that is being written: at most one at a time in a tab.
import { signal } from "@preact/signals";
import { ApiError, listModels, streamAnswer } from "../api/chat";
import { type Message, conversations, currentId, newId, startConversation, updateConversation } from "./conversations";

export const modelId = signal<string | null>(null);
export const isAnswering = signal(false);
// Text so far, apart from the stored conversation so that a token redraws one bubble only.
export const draft = signal<{ conversationId: string; text: string } | null>(null);

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
  isAnswering.value = true;
  abort = new AbortController();
  draft.value = { conversationId, text: "" };
  const history = conversation.messages.filter((m) => m.content !== "").map(({ role, content }) => ({ role, content }));
  let text = "";
  let firstTextAt = 0;
  const result: Partial<Message> = {};
  try {
    if (modelId.value === null) await findModel();
    const ending = await streamAnswer(modelId.value ?? "default", history, abort.signal, (piece) => {
      if (firstTextAt === 0) firstTextAt = performance.now();
      text += piece;
      draft.value = { conversationId, text };
    });
    result.ending = ending.finishReason || "stop";
    const seconds = (performance.now() - firstTextAt) / 1000;
    if (ending.completionTokens !== null && ending.completionTokens > 4 && seconds > 0.05) {
      result.tokensPerSecond = Math.round(ending.completionTokens / seconds);
    }
  } catch (failure) {
    if (abort.signal.aborted) result.ending = "stopped";
    else if (failure instanceof ApiError) {
      result.failure = { message: failure.message, reason: failure.reason, retryAfterSeconds: failure.retryAfterSeconds };
    } else {
      result.failure = { message: "The connection broke off.", reason: "connection_lost", retryAfterSeconds: null };
    }
  }
  append(conversationId, { id: newId(), role: "assistant", content: text, ...result });
  draft.value = null;
  abort = null;
  isAnswering.value = false;
}

function append(conversationId: string, message: Message): void {
  updateConversation(conversationId, (c) => ({ ...c, messages: [...c.messages, message] }));
}
