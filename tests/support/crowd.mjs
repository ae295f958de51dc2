// Callers from many addresses of this machine, and a flood of sign-ups by them. Sign-ups want HTTPS, so
// each caller comes by a proxy of its own address, which the gateway must trust (PROXIES) and which
// says that it did.
import http from "node:http";

export const PROXIES = { HOLDFAST_GATEWAY_TRUSTED_PROXIES: "127.0.0.0/8" };
export const PASSWORD = "otter kettle violin marble";

// The address number `index` of 127.64.0.0/10, four in each /24.
export const addressOf = (index) => `127.${64 + ((index >> 10) % 64)}.${(index >> 2) & 255}.${1 + (index & 3)}`;

// One request over a connection of its own: { status, body, cookies }.
export function ask(url, { from = "127.0.0.1", method = "GET", path, body, headers = {} }) {
  const { hostname, port, origin } = new URL(url);
  const text = body === undefined ? "" : JSON.stringify(body);
  const sent = { "x-forwarded-for": from, "x-forwarded-proto": "https", ...(text && { "content-type": "application/json", "content-length": Buffer.byteLength(text), origin }), ...headers };
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path, method, localAddress: from, headers: sent, agent: false }, async (response) => {
      let answer = "";
      for await (const piece of response) answer += piece;
      const cookies = (response.headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]);
      resolve({ status: response.statusCode, headers: response.headers, cookies, body: answer && response.headers["content-type"]?.includes("json") ? JSON.parse(answer) : answer });
    });
    request.on("error", reject);
    request.end(text);
  });
}

export const signUp = (url, from, name, more = {}) => ask(url, { from, method: "POST", path: "/api/accounts", body: { name, password: PASSWORD, ...more } });
export const logIn = (url, from, name, more = {}) => ask(url, { from, method: "POST", path: "/api/session", body: { name, password: PASSWORD, ...more } });
export const registration = async (url, from = "127.0.0.1") => (await ask(url, { from, path: "/api/registration" })).body;

// `rate` sign-ups a second for `seconds`, each from another address. The cookies of accounts that
// were made are in `made`.
export function startFlood(url, { rate, seconds }) {
  const flood = { sent: 0, made: [], failed: 0, reasons: {} };
  const began = performance.now();
  flood.over = new Promise((resolve) => {
    const under = new Set();
    const timer = setInterval(() => {
      const passed = (performance.now() - began) / 1e3;
      for (; flood.sent < Math.min(passed, seconds) * rate; ++flood.sent) {
        const index = flood.sent;
        const one = signUp(url, addressOf(index), `fake-${began.toFixed(0)}-${index}`)
          .then(({ status, cookies, body }) => {
            if (status === 201) flood.made.push({ cookies, from: addressOf(index) });
            const word = status === 201 ? "made" : (body.error?.reason ?? status);
            flood.reasons[word] = (flood.reasons[word] ?? 0) + 1;
          }, () => ++flood.failed)
          .finally(() => under.delete(one));
        under.add(one);
      }
      if (passed < seconds) return;
      clearInterval(timer);
      resolve(Promise.all(under));
    }, 10);
  });
  return flood;
}
