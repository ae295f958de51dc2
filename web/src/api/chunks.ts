// Reads an answer as it grows: chat.completion.chunk events, and comments with the place in the queue.
import { ApiError, type ErrorBody } from "./http";
import { readEvents } from "./sse";

export interface Ending {
  finishReason: string;
  completionTokens: number | null;
}

// A place in the queue, and the wait that is expected there.
export interface Waiting {
  place: number;
  seconds: number;
}

export interface Listener {
  onText(piece: string): void;
  onReasoning?(piece: string): void;
  onWaiting(waiting: Waiting): void;
  // What stands before the first chunk: the question as it is kept, and the id of its answer.
  onBegin?(begin: Begin): void;
}

export interface Begin {
  message?: { id: string };
  answer?: { id: string };
}

interface Chunk extends ErrorBody, Begin {
  choices?: { delta?: { content?: string | null; reasoning_content?: string | null }; finish_reason?: string | null }[];
  usage?: { completion_tokens?: number } | null;
}

// Resolves when the answer ended. An answer that fails, or breaks off, is an ApiError.
export async function readAnswer(body: ReadableStream<Uint8Array>, listener: Listener): Promise<Ending> {
  const ending: Ending = { finishReason: "", completionTokens: null };
  for await (const event of readEvents(body)) {
    if ("comment" in event) {
      const waiting = waitingOf(event.comment);
      if (waiting !== null) listener.onWaiting(waiting);
      continue;
    }
    if (event.data === "[DONE]") return ending;
    takeChunk(JSON.parse(event.data) as Chunk, listener, ending);
  }
  throw new ApiError("The connection closed before the answer was complete.", "connection_lost", null);
}

function takeChunk(chunk: Chunk, listener: Listener, ending: Ending): void {
  if (chunk.error) {
    throw new ApiError(chunk.error.message ?? "The answer broke off.", chunk.error.reason ?? chunk.error.code ?? "internal", null);
  }
  if (chunk.answer) listener.onBegin?.(chunk);
  const choice = chunk.choices?.[0];
  if (choice?.delta?.reasoning_content) listener.onReasoning?.(choice.delta.reasoning_content);
  if (choice?.delta?.content) listener.onText(choice.delta.content);
  if (choice?.finish_reason) ending.finishReason = choice.finish_reason;
  if (chunk.usage?.completion_tokens !== undefined) ending.completionTokens = chunk.usage.completion_tokens;
}

// "waiting place=3 wait_ms=4200"
function waitingOf(comment: string): Waiting | null {
  const match = /^waiting place=(\d+) wait_ms=(\d+)$/.exec(comment);
  return match === null ? null : { place: Number(match[1]), seconds: Math.ceil(Number(match[2]) / 1000) };
}
