// A scripted engine: a small, real OpenAI-compatible server whose answers a test gives by hand. Each
// call to it is held until the test takes it with `next` and answers it, well or badly.
import http from "node:http";

const PATIENCE_MS = 30_000;
const BODY_BYTES_MAX = 1 << 20;

export const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
export const DONE = "data: [DONE]\n\n";

export const chunk = (delta, finishReason = null, more = {}) => ({
  id: "chatcmpl-scripted",
  object: "chat.completion.chunk",
  created: 1,
  model: "scripted",
  choices: [{ index: 0, delta, finish_reason: finishReason }],
  ...more,
});

export const completion = (message, more = {}) => ({
  id: "chatcmpl-scripted",
  object: "chat.completion",
  created: 1,
  model: "scripted",
  choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  ...more,
});

// One call of the gateway, for the test to answer.
class Call {
  #response;

  constructor(body, response) {
    this.body = body;
    this.#response = response;
    // The gateway hung up before the answer was complete.
    this.left = new Promise((resolve) => response.once("close", () => response.writableFinished || resolve()));
  }

  get question() {
    return this.body.messages?.at(-1).content;
  }

  // A good answer, as it was asked for.
  answer(text) {
    if (!this.body.stream) return this.send(200, completion({ content: text }));
    this.begin();
    for (const piece of text.match(/\S+\s*/g)) this.write(event(chunk({ content: piece })));
    this.write(event(chunk({}, "stop")), DONE);
    return this.end();
  }

  send(status, value, headers = {}) {
    this.#response.writeHead(status, { "content-type": "application/json", ...headers });
    this.#response.end(typeof value === "string" ? value : JSON.stringify(value));
  }

  // In pieces: begin, any number of writes, then end; or cut, which breaks the connection off.
  begin(headers = {}) {
    this.#response.writeHead(200, { "content-type": "text/event-stream", ...headers });
  }

  write(...pieces) {
    this.#response.write(pieces.join(""));
  }

  end() {
    this.#response.end();
  }

  cut() {
    // Only once what was written is on its way; a write would also send a head.
    if (!this.#response.headersSent) this.#response.destroy();
    else this.#response.write("", () => this.#response.destroy());
  }
}

async function readBody(request) {
  let text = "";
  for await (const piece of request) {
    text += piece;
    if (text.length > BODY_BYTES_MAX) throw new Error("the request is over the scripted engine's limit");
  }
  return JSON.parse(text);
}

function sendPage(path, response) {
  const pages = {
    "/health": { status: "ok" },
    "/v1/models": { object: "list", data: [{ id: "scripted", object: "model", created: 1, owned_by: "tests" }] },
  };
  response.writeHead(path in pages ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(pages[path] ?? { error: { message: "no such page" } }));
}

export async function startEngine() {
  const arrived = [];
  const takers = [];
  let callCount = 0;
  const server = http.createServer(async (request, response) => {
    if (request.method === "GET") return sendPage(request.url, response);
    const call = new Call(await readBody(request), response);
    callCount += 1;
    const taker = takers.shift();
    if (taker) taker(call);
    else arrived.push(call);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    address: `127.0.0.1:${server.address().port}`,
    get callCount() {
      return callCount;
    },
    // The next call, now or when it comes.
    next() {
      if (arrived.length > 0) return Promise.resolve(arrived.shift());
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("no call came to the engine")), PATIENCE_MS);
        takers.push((call) => {
          clearTimeout(timer);
          resolve(call);
        });
      });
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.once("close", resolve));
    },
  };
}
