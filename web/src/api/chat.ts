// The only place that talks to the server: the public OpenAI-compatible API of this origin.
import { readEvents } from "./sse";

export type Role = "user" | "assistant";
export interface WireMessage {
  role: Role;
  content: string;
}

// A refusal or failure in the server's own words, with its reason from the closed list.
export class ApiError extends Error {
  constructor(
    message: string,
    readonly reason: string,
    readonly retryAfterSeconds: number | null,
  ) {
    super(message);
  }
}

// Small models are steadier when sampled coldly; large ones lose little by it.
const SAMPLING = { temperature: 0.4, top_p: 0.9 };

export interface Ending {
  finishReason: string;
  completionTokens: number | null;
}

// A place in the queue, and the wait that is expected there.
export interface Waiting {
  place: number;
  seconds: number;
}

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { completion_tokens?: number } | null;
  error?: { message?: string; reason?: string; code?: string };
}

export async function listModels(): Promise<string[]> {
  const response = await fetch("/v1/models");
  if (!response.ok) throw await errorOf(response);
  const body = (await response.json()) as { data?: { id: string }[] };
  return (body.data ?? []).map((model) => model.id);
}

// Streams one answer; `onText` gets each piece, `onWaiting` the place in the queue as it changes.
// Resolves when the answer ended.
export async function streamAnswer(
  model: string,
  messages: WireMessage[],
  signal: AbortSignal,
  onText: (text: string) => void,
  onWaiting: (waiting: Waiting) => void,
): Promise<Ending> {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages, ...SAMPLING, stream: true, stream_options: { include_usage: true }, user: browserId() }),
    signal,
  }).catch((failure: unknown) => {
    if (signal.aborted) throw failure;
    throw new ApiError("The server cannot be reached.", "unreachable", null);
  });
  if (!response.ok || response.body === null) throw await errorOf(response);

  const ending: Ending = { finishReason: "", completionTokens: null };
  for await (const event of readEvents(response.body)) {
    if ("comment" in event) {
      const waiting = waitingOf(event.comment);
      if (waiting !== null) onWaiting(waiting);
      continue;
    }
    if (event.data === "[DONE]") return ending;
    const chunk = JSON.parse(event.data) as Chunk;
    if (chunk.error) {
      throw new ApiError(chunk.error.message ?? "The answer broke off.", chunk.error.reason ?? chunk.error.code ?? "internal", null);
    }
    const choice = chunk.choices?.[0];
    if (choice?.delta?.content) onText(choice.delta.content);
    if (choice?.finish_reason) ending.finishReason = choice.finish_reason;
    if (chunk.usage?.completion_tokens !== undefined) ending.completionTokens = chunk.usage.completion_tokens;
  }
  throw new ApiError("The connection closed before the answer was complete.", "connection_lost", null);
}

// "waiting place=3 wait_ms=4200"
function waitingOf(comment: string): Waiting | null {
  const match = /^waiting place=(\d+) wait_ms=(\d+)$/.exec(comment);
  return match === null ? null : { place: Number(match[1]), seconds: Math.ceil(Number(match[2]) / 1000) };
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

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as Chunk;
  const wait = Number(response.headers.get("retry-after"));
  return new ApiError(
    body.error?.message ?? `The server answered ${response.status}.`,
    body.error?.reason ?? body.error?.code ?? "internal",
    Number.isFinite(wait) && wait > 0 ? wait : null,
  );
}
