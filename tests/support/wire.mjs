// A `fetch` for a client that keeps what came over the wire beside what the client makes of it.
const PATIENCE_MS = 30_000;

export function openWire() {
  const responses = [];
  const waiters = new Set();
  const look = () => waiters.forEach((waiter) => waiter());

  async function keep(body, response) {
    const decoder = new TextDecoder();
    try {
      for await (const piece of body) {
        response.text += decoder.decode(piece, { stream: true });
        look();
      }
    } catch {
      response.isCut = true;
      look();
    }
  }

  return {
    // In the order of their heads: { status, headers, sent, sentAt, cameAt, text, isCut }.
    responses,
    async fetch(url, init) {
      const sentAt = performance.now();
      const { status, headers, body } = await fetch(url, init);
      const response = { status, headers, sent: new Headers(init.headers), sentAt, cameAt: performance.now(), text: "", isCut: false };
      responses.push(response);
      const [kept, given] = body.tee();
      keep(kept, response);
      look();
      return new Response(given, { status, headers });
    },
    // Until `isSo(responses)`.
    until(isSo) {
      return new Promise((resolve, reject) => {
        const waiter = () => {
          if (!isSo(responses)) return;
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve();
        };
        const timer = setTimeout(() => {
          waiters.delete(waiter);
          reject(new Error(`it did not come over the wire; so far: ${JSON.stringify(responses)}`));
        }, PATIENCE_MS);
        waiters.add(waiter);
        waiter();
      });
    },
  };
}
