// Every port and every socket of a running service, asked without credentials in all ways that its
// own document names and some more: nothing of a person comes out.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import net from "node:net";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { movingIn } from "./person.mjs";
import { startService } from "../support/service.mjs";

let service;
let ada;

before(async () => {
  service = await startService({ HOLDFAST_ACCOUNTS_REGISTRATION: "open", HOLDFAST_ACCOUNTS_PASSWORD_MS: "1" });
  ada = await movingIn(service.url);
});
after(() => service?.stop());

const secretsOf = ({ name, password, title, question, account, session, key }) => ({ name, password, title, question, account, session, key });

function assertNothingOf(person, text, where) {
  for (const [what, secret] of Object.entries(secretsOf(person))) {
    assert.equal(text.includes(secret), false, `${where} tells the ${what}`);
  }
}

// The ports on which the processes of the service listen, as the kernel has them.
async function openPorts(root) {
  const { stdout: table } = await promisify(execFile)("ps", ["-eo", "pid,ppid"]);
  const parents = new Map(table.trim().split("\n").slice(1).map((line) => line.trim().split(/\s+/).map(Number)));
  const isOurs = (pid) => pid === root || (parents.has(pid) && pid > 1 && isOurs(parents.get(pid)));
  const { stdout } = await promisify(execFile)("ss", ["-Hlntup"]);
  return stdout.split("\n").flatMap((line) => {
    const pids = [...line.matchAll(/pid=(\d+)/g)].map((match) => Number(match[1]));
    const port = line.match(/:(\d+)\s/);
    return port && pids.some(isOurs) ? [Number(port[1])] : [];
  });
}

// Sends `bytes`, and reads what comes within a second or until the end.
function exchange(port, bytes) {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on("data", (piece) => (text += piece));
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

const EXAMPLES = { id: "conversation", message: "conversation", token: "session" };

// Each operation of the document, with ids that are really there.
async function operations() {
  const document = await (await fetch(`${service.url}/openapi.json`)).json();
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{(\w+)\}/g, (_, name) => ada[EXAMPLES[name] ?? "conversation"]),
    })),
  );
}

test("the service listens where it says, and nowhere else", async () => {
  assert.deepEqual(await openPorts(service.pid), [Number(new URL(service.url).port)]);
});

test("no operation tells anything of a person to who is not that person", async () => {
  const all = await operations();
  assert.ok(all.length > 50, `${all.length} operations`);
  const guesses = ["/", "/metrics", "/health", "/debug", "/.env", "/.git/config", "/holdfast.db", "/api/admin", "/api/me/../me", "/server-status", "/..%2f..%2fetc/passwd"];
  for (const { method, path } of [...all, ...guesses.map((path) => ({ method: "GET", path }))]) {
    for (const headers of [{}, { cookie: "holdfast=guess" }, { authorization: "Bearer sk-guess" }]) {
      const response = await fetch(service.url + path, {
        method,
        headers: { ...headers, ...(method !== "GET" && { "content-type": "application/json", origin: service.url }) },
        body: method === "GET" || method === "DELETE" ? undefined : "{}",
      });
      assertNothingOf(ada, await response.text(), `${method} ${path}`);
      assertNothingOf(ada, JSON.stringify([...response.headers]), `a header of ${method} ${path}`);
      assert.ok(response.status < 500, `${method} ${path}: ${response.status}`);
    }
  }
  assert.equal((await ada.send("GET", "/api/me")).text.includes(ada.name), true, "she is still there");
});

test("no other protocol gets more", async () => {
  const port = Number(new URL(service.url).port);
  const asks = ["\r\n\r\n", "HELP\r\n", "GET / HTTP/0.9\r\n\r\n", "SSH-2.0-scan\r\n", "\x16\x03\x01\x00\x05hello", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "*1\r\n$4\r\nINFO\r\n", "\0".repeat(64), "TRACE / HTTP/1.1\r\nHost: localhost\r\nX-Say: this\r\n\r\n"];
  for (const ask of asks) assertNothingOf(ada, await exchange(port, ask), JSON.stringify(ask.slice(0, 12)));
});

test("the log speaks of nobody", () => {
  assert.ok(service.log().includes("listening on"));
  assertNothingOf(ada, service.log(), "the log");
});
