// Reads a server-sent event stream (WHATWG HTML, section 9.2): yields the data of each event, and
// comments, which the server sends while one waits.
export type SseEvent = { data: string } | { comment: string };

const EVENT_CHARS_MAX = 1 << 20;

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SseEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      buffer += value.replaceAll("\r\n", "\n");
      if (buffer.length > EVENT_CHARS_MAX) throw new Error("The server sent an event that is too long.");
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        const event = eventOf(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
        if (event !== null) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function eventOf(event: string): SseEvent | null {
  const lines = event.split("\n");
  const data = lines.filter((line) => line.startsWith("data:"));
  if (data.length > 0) return { data: data.map((line) => line.slice(line.startsWith("data: ") ? 6 : 5)).join("\n") };
  const comment = lines.find((line) => line.startsWith(":"));
  return comment === undefined ? null : { comment: comment.slice(1).trim() };
}
