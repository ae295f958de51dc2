// The public OpenAI-compatible API: the models, and an answer to a whole conversation.
import { type Ending, type Listener, readAnswer } from "./chunks";
import { ApiError, call, sendForAnswer } from "./http";

export type Role = "user" | "assistant";
export interface WireMessage {
  role: Role;
  content: string;
}

// Small models are steadier when sampled coldly; large ones lose little by it.
export const SAMPLING = { temperature: 0.4, top_p: 0.9 };

export async function listModels(): Promise<string[]> {
  const body = await call<{ data?: { id: string }[] }>("GET", "/v1/models");
  return (body.data ?? []).map((model) => model.id);
}

// Streams one answer to `listener`. Resolves when the answer ended.
export async function streamAnswer(model: string, messages: WireMessage[], signal: AbortSignal, listener: Listener): Promise<Ending> {
  const question = { model, messages, ...SAMPLING, stream: true, stream_options: { include_usage: true }, user: browserId() };
  const response = await sendForAnswer("/v1/chat/completions", question, signal);
  if (response.body === null) throw new ApiError("The server sent no answer.", "internal", null);
  return readAnswer(response.body, listener);
}

// Keeps this browser's conversations apart from those of others at the same address. Names nobody.
function browserId(): string {
  const KEY = "holdfast.browser";
  let id = localStorage.getItem(KEY);
  if (id === null) {
    id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem(KEY, id);
  }
  return id;
}
