// A gateway's account API in memory, and the built page, for looking at every page of accounts
// without a database, a mail server or a model. It keeps no rule but what a page shows. `state` is
// what tests set and look at; `answers` are the words of the next answers, which grow only when the
// test says so: answer.say(text), answer.end(state), answer.breakOff().
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../web/dist/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
// As the gateway sends it.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
export const PASSWORD = "correct horse battery staple";
export const CODE = "123456";
const DAY_MS = 86_400_000;

const newId = () => randomBytes(6).toString("hex");

class Refusal extends Error {
  constructor(status, reason, message = "The fake refuses.") {
    super(message);
    Object.assign(this, { status, reason });
  }
}

export function newPerson(change = {}) {
  return {
    id: newId(), name: "Ada", email: "ada@example.org", email_verified: true, role: "person", created_at: Date.now() - 90 * DAY_MS,
    totp: false, recovery_codes_left: 0, passkeys: 0, restriction: null, ...change,
  };
}

function newState() {
  const now = Date.now();
  return {
    anonymous: true,
    login: "ok",
    setup_needed: false,
    passkey_origin: null,
    // Asks again who it is before the outbox is shown.
    asks_who: false,
    account: null,
    person: newPerson(),
    service: { level: "open", since: null, means: null, answer_tokens_max: null },
    registration: { mode: "open", since: now - DAY_MS, why: "", by: "operator", needs: ["name", "password"], domains: [], challenge: null, password: { bytes_min: 15, bytes_max: 1024 } },
    sessions: [
      { id: "s1", device: "Firefox on Linux", created_at: now - 3 * DAY_MS, last_used_at: now, current: true },
      { id: "s2", device: "Safari on iPhone", created_at: now - 20 * DAY_MS, last_used_at: now - 2 * DAY_MS, current: false },
    ],
    keys: [
      { id: "k1", name: "Nightly summaries", prefix: "sk-9f3a", created_at: now - 30 * DAY_MS, last_used_at: now - 7_200_000, expires_at: now + 60 * DAY_MS, models: ["starter"], routes: ["/v1/chat/completions"], tokens_per_day: 50_000, tokens_today: 12_345 },
      { id: "k2", name: "Old script", prefix: "sk-11c0", created_at: now - 300 * DAY_MS, last_used_at: null, expires_at: now - DAY_MS, models: [], routes: [], tokens_per_day: null, tokens_today: 0 },
    ],
    passkeys: [
      { id: "p1", name: "My phone", created_at: now - 9 * DAY_MS, last_used_at: now - 3_600_000 },
      { id: "p2", name: "The key in the drawer", created_at: now - 90 * DAY_MS, last_used_at: null },
    ],
    accounts: [
      { ...newPerson({ name: "Ada" }), state: "active", last_seen_at: now - 60_000, tokens_today: 18_200 },
      { ...newPerson({ name: "Bo", email: "bo@example.org" }), state: "pending_approval", last_seen_at: null, tokens_today: 0 },
      { ...newPerson({ name: "Cy", email: null, restriction: { reason: "Sold keys to others.", until: now + 7 * DAY_MS } }), state: "restricted", last_seen_at: now - 5 * DAY_MS, tokens_today: 0 },
    ],
    guard: {
      level: "open", pressure: 0.31, is_short: false, running: 2, waiting: 0, restrictions: 1, registration: { is_restricted: false, since: null, challenge_bits: 16 },
      likeness: { mode: "measured", is_enforced: false, state: "measuring", why: "It is still measured: 4200 of 10000 requests of accounts in good standing, 3.0 of 7 days.", asked: 4200, accused: 0, upper_bound: 0.000713, since: now - 3 * DAY_MS },
      push_down: { is_on: false, why: "The kernel's list is switched off.", addresses: 0 },
    },
    decisions: [
      { id: "dec_2a", rule: "ignores_refusals", action: "refuse", scope: "address", name: "00f3a1b2c4d5e6f7", since: now - 60_000, expires_at: now + 60_000, evidence: [{ detector: "refusals", value: 1204, llr: 0 }], state: "in_force", ended_at: null, ended_by: null },
      { id: "dec_29", rule: "hostile_cluster", action: "challenge", scope: "account", name: "10f3a1b2c4d5e6f7", since: now - 600_000, expires_at: now - 570_000, evidence: [{ detector: "payload_similarity", value: 0.92, llr: 2.1 }], state: "expired", ended_at: now - 570_000, ended_by: null },
    ],
    invitations: [{ id: "i1", note: "For the reading group", created_at: now - DAY_MS, expires_at: now + 13 * DAY_MS, uses_left: 4 }],
    mail: [{ id: "m1", to: "bo@example.org", subject: "Verify your mail address", text: "Open this link:\nhttps://chat.example.org/#/verify?token=abc", created_at: now - 3_600_000, sent_at: null, error: "no mail server is set" }],
    conversations: new Map(),
    answers: [],
    awaited: new Map(),
    imported: [],
  };
}

export async function startFake(change = {}) {
  const state = { ...newState(), ...change };
  const server = http.createServer((request, response) => void serve(state, request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    state,
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

// The answer number `index`, once the page has asked for it.
export function answerAt(state, index) {
  if (index < state.answers.length) return Promise.resolve(state.answers[index]);
  return new Promise((resolve) => state.awaited.set(index, resolve));
}

// A conversation with `turns` of [question, answer].
export function addConversation(state, title, turns, change = {}) {
  const conversation = { id: newId(), title, created_at: Date.now(), updated_at: Date.now(), pinned: false, folder: null, shared: null, messages: [], ...change };
  let parent = null;
  for (const [question, answer] of turns) {
    const asked = addMessage(conversation, { parent, role: "user", content: question });
    parent = addMessage(conversation, { parent: asked.id, role: "assistant", content: answer, tokens: answer.length }).id;
  }
  state.conversations.set(conversation.id, conversation);
  return conversation;
}

function addMessage(conversation, change) {
  const message = { id: newId(), parent: null, reasoning: null, model: "starter", created_at: Date.now(), state: "done", reason: null, tokens: null, ...change };
  conversation.messages.push(message);
  return message;
}

async function serve(state, request, response) {
  const { pathname, searchParams } = new URL(request.url, "http://fake");
  try {
    if (!/^\/(api|v1)\//.test(pathname)) return await serveFile(pathname, response);
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    const isZip = request.headers["content-type"] === "application/zip";
    const body = isZip ? { zip: bytes } : bytes.length === 0 ? {} : JSON.parse(bytes);
    const answer = route(state, `${request.method} ${pathname}`, body, searchParams, response);
    if (answer === STREAMED) return;
    const [status, value] = Array.isArray(answer) ? answer : [answer === undefined ? 204 : 200, answer];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(value === undefined ? "" : JSON.stringify(value));
  } catch (refusal) {
    response.writeHead(refusal.status ?? 500, { "content-type": "application/json", ...refusal.headers });
    response.end(JSON.stringify({ error: { message: refusal.message, reason: refusal.reason ?? "internal", ...refusal.decision } }));
  }
}

async function serveFile(pathname, response) {
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  const bytes = await readFile(path.join(DIST, name)).catch(() => {
    throw new Refusal(404, "not_found");
  });
  response.writeHead(200, { "content-type": TYPES[path.extname(name)] ?? "application/octet-stream", "content-security-policy": POLICY });
  response.end(bytes);
}

const STREAMED = Symbol("streamed");

// What needs no session, then what does, then what only operators may.
function route(state, line, body, query, response) {
  if (line === "GET /v1/models") return { data: [{ id: "starter" }] };
  if (line === "POST /v1/chat/completions") {
    refuseIfSet(state);
    return begin(state, { content: "" }, response, null);
  }
  const open = OPEN[line];
  if (open) return open(state, body);
  const shared = /^GET \/api\/shared\/(\w+)$/.exec(line);
  if (shared) return sharedOf(state, shared[1]);
  if (state.account === null) throw new Refusal(401, "unauthenticated");
  const own = OWN[line];
  if (own) return own(state, body, query);
  for (const [pattern, act] of PATTERNS) {
    const match = pattern.exec(line);
    if (match) return act(state, match, body, response);
  }
  throw new Refusal(404, "not_found");
}

const enter = (state, account) => (state.account = account);

function checkPassword(password) {
  if (password !== PASSWORD) throw new Refusal(401, "wrong_credentials");
}

const OPEN = {
  "GET /api/me": ({ account, anonymous, login, setup_needed, passkey_origin }) => ({ account, anonymous, login, setup_needed, passkey_origin }),
  "GET /api/registration": (state) => state.registration,
  "GET /api/service": (state) => state.service,
  "POST /api/accounts"(state, body) {
    const { challenge } = state.registration;
    if (challenge && !isSolved(challenge, body.challenge)) throw new Refusal(403, "challenge_required");
    if (body.name === "Taken") throw new Refusal(409, "name_taken");
    if (body.password.length < 15) throw new Refusal(400, "weak_password", "It is shorter than 15 bytes.");
    if (state.registration.mode === "email") return [202, { pending: "email" }];
    return [201, { account: enter(state, newPerson({ name: body.name ?? "Ada" })) }];
  },
  "POST /api/setup": (state, body) => [201, { account: enter(state, newPerson({ name: body.name, role: "operator", email: null })) }],
  "POST /api/session"(state, body) {
    checkPassword(body.password);
    if (state.person.totp) return { second_factor: ["totp", "recovery"], token: "t" };
    return { account: enter(state, state.person) };
  },
  "POST /api/session/second-factor"(state, body) {
    if (body.code !== CODE) throw new Refusal(401, "wrong_credentials");
    return { account: enter(state, state.person) };
  },
  "DELETE /api/session": (state) => void (state.account = null),
  "POST /api/email-verification"(state, body) {
    if (body.token !== "good") throw new Refusal(404, "not_found");
    return { account: state.person };
  },
  "POST /api/password-reset": () => [202, undefined],
  "POST /api/password-reset/confirm": () => [200, {}],
};

function isSolved(challenge, solution) {
  if (solution?.seed !== challenge.seed) return false;
  const digest = createHash("sha256").update(`${solution.seed}:${solution.nonce}`).digest();
  return Math.clz32(digest.readUInt32BE(0)) >= challenge.bits;
}

const QR = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h3v3H0zM5 0h3v3H5zM0 5h3v3H0zM4 4h1v1H4zM6 5h1v2H6z"/></svg>';

const OWN = {
  "PATCH /api/me"(state, body) {
    if (body.name === "Taken") throw new Refusal(409, "name_taken");
    state.account.name = body.name;
    return state.account;
  },
  "GET /api/me/passkeys": ({ passkeys }) => ({ passkeys, passkeys_max: 20 }),
  "POST /api/me/confirm"(state, body) {
    if (state.account.totp ? body.code !== CODE : body.password !== PASSWORD) throw new Refusal(401, "wrong_credentials");
    state.asks_who = false;
  },
  "POST /api/me/password": (_, body) => checkPassword(body.current),
  "GET /api/me/sessions": ({ sessions }) => ({ sessions }),
  "DELETE /api/me/sessions": (state) => void (state.sessions = state.sessions.filter((each) => each.current)),
  "POST /api/me/totp"(_, body) {
    checkPassword(body.password);
    return { secret: "JBSWY3DPEHPK3PXP", uri: "otpauth://totp/Holdfast:Ada?secret=JBSWY3DPEHPK3PXP", qr_svg: QR };
  },
  "POST /api/me/totp/confirm"(state, body) {
    if (body.code !== CODE) throw new Refusal(401, "wrong_credentials");
    Object.assign(state.account, { totp: true, recovery_codes_left: 8 });
    return { recovery_codes: Array.from({ length: 8 }, (_, i) => `c${i}de-w0rd-${i}${i}`) };
  },
  "POST /api/me/totp/remove": (state) => void Object.assign(state.account, { totp: false }),
  "GET /api/me/keys": ({ keys }) => ({ keys }),
  "POST /api/me/keys"(state, body) {
    const key = { id: newId(), prefix: "sk-new0", created_at: Date.now(), last_used_at: null, expires_at: null, models: [], routes: [], tokens_per_day: null, tokens_today: 0, ...body };
    state.keys.push(key);
    return [201, { key: "sk-new0-secret-shown-once", id: key.id }];
  },
  "GET /api/me/usage": () => ({
    tokens_today: 18_200, tokens_per_day: 100_000, resets_at: Date.now() + 40_000_000, requests_at_once_max: 2, balance: null,
    days: Array.from({ length: 30 }, (_, i) => ({ day: new Date(Date.now() - (29 - i) * DAY_MS).toISOString().slice(0, 10), tokens: (i * 7919) % 60_000 })),
    keys: [{ id: "k1", name: "Nightly summaries", tokens: 12_345 }],
  }),
  "POST /api/me/delete"(state, body) {
    checkPassword(body.password);
    state.account = null;
    return { receipt: { id: "R-7Q2K", deleted_at: Date.now(), what: ["1 account", "2 sessions", "3 conversations with 24 messages"], backups: { kept_until: Date.now() + 30 * DAY_MS, note: "The key they are sealed with is destroyed." } } };
  },
  "GET /api/admin/accounts": ({ accounts }, _, query) => ({ accounts: accounts.filter((each) => each.name.toLowerCase().includes((query.get("query") ?? "").toLowerCase())), next: null }),
  "GET /api/admin/invitations": ({ invitations }) => ({ invitations }),
  "POST /api/admin/invitations": () => [201, { id: newId(), code: "fox-otter-lark", url: "https://chat.example.org/#/sign-up?invitation=fox-otter-lark" }],
  "GET /api/admin/guard": ({ guard }) => guard,
  "GET /api/admin/guard/decisions": ({ decisions }, _, query) => ({ decisions: decisions.filter((each) => (each.state === "in_force") === (query.get("state") !== "ended")), next: null }),
  "GET /api/admin/registration": ({ registration: { mode, domains } }) => ({ mode, domains }),
  "PUT /api/admin/registration": (state, body) => Object.assign(state.registration, body) && body,
  "GET /api/admin/outbox"({ mail, asks_who, account }) {
    if (asks_who) throw new Refusal(401, "second_factor_required", account.totp ? "Show a code of your authenticator app again for this." : "Type your password again for this.");
    return { messages: mail };
  },
  "GET /api/conversations"(state, _, query) {
    const wanted = [...state.conversations.values()].filter((each) => !query.get("folder") || each.folder === query.get("folder"));
    return { conversations: wanted.sort((a, b) => b.pinned - a.pinned || b.updated_at - a.updated_at).map(({ messages, ...rest }) => rest), next: null };
  },
  "POST /api/conversations": (state, body) => [201, addConversation(state, body.title ?? "New", [])],
  "DELETE /api/conversations": (state) => state.conversations.clear(),
  "POST /api/conversations/import"(state, body) {
    state.imported.push(body);
    // What is in a ZIP is no matter of the page.
    if (body.zip?.equals(Buffer.from("broken"))) throw new Refusal(400, "bad_request", "The ZIP is damaged: no end.");
    if (body.zip !== undefined) return { conversations: 12, messages: 340 };
    for (const each of body.conversations) addConversation(state, each.title, []);
    return { conversations: body.conversations.length, messages: 0 };
  },
  "GET /api/search": (state, _, query) => ({ results: searched(state, query.get("q").toLowerCase()) }),
};

function searched(state, words) {
  return [...state.conversations.values()].flatMap((conversation) =>
    conversation.messages
      .filter((message) => message.content.toLowerCase().includes(words))
      .map((message) => ({ conversation: conversation.id, title: conversation.title, message: message.id, snippet: message.content.slice(0, 80), created_at: message.created_at })),
  );
}

const without = (name) => (state, [, id]) => void (state[name] = state[name].filter((each) => each.id !== id));

const PATTERNS = [
  [/^DELETE \/api\/me\/sessions\/(\w+)$/, without("sessions")],
  [/^DELETE \/api\/me\/keys\/(\w+)$/, without("keys")],
  [/^DELETE \/api\/admin\/guard\/decisions\/(\w+)$/, undoDecision],
  [/^DELETE \/api\/admin\/invitations\/(\w+)$/, without("invitations")],
  [/^POST \/api\/admin\/accounts\/(\w+)\/(\w+)$/, changeAccount],
  [/^GET \/api\/conversations\/(\w+)$/, (state, [, id]) => conversationOf(state, id)],
  [/^PATCH \/api\/conversations\/(\w+)$/, (state, [, id], body) => Object.assign(conversationOf(state, id), body)],
  [/^DELETE \/api\/conversations\/(\w+)$/, (state, [, id]) => void state.conversations.delete(id)],
  [/^POST \/api\/conversations\/(\w+)\/share$/, (state, [, id]) => [201, (conversationOf(state, id).shared = { url: `/shared/${id}`, at: Date.now() })]],
  [/^DELETE \/api\/conversations\/(\w+)\/share$/, (state, [, id]) => void (conversationOf(state, id).shared = null)],
  [/^POST \/api\/conversations\/(\w+)\/messages$/, beginAnswer],
  [/^GET \/api\/conversations\/(\w+)\/messages\/(\w+)\/events$/, followAnswer],
  [/^POST \/api\/conversations\/(\w+)\/messages\/(\w+)\/stop$/, stopAnswer],
];

function undoDecision(state, [, id]) {
  const found = state.decisions.find((each) => each.id === id && each.state === "in_force");
  if (!found) throw new Refusal(404, "not_found");
  Object.assign(found, { state: "undone", ended_at: Date.now(), ended_by: state.account.id });
}

function changeAccount(state, [, id, verb], body) {
  const row = state.accounts.find((each) => each.id === id);
  if (verb === "approve") row.state = "active";
  if (verb === "restrict") Object.assign(row, { state: "restricted", restriction: body });
  if (verb === "unrestrict") Object.assign(row, { state: "active", restriction: null });
  if (verb === "quota") Object.assign(row, body);
}

function conversationOf(state, id) {
  const conversation = state.conversations.get(id);
  if (!conversation) throw new Refusal(404, "not_found");
  return conversation;
}

function sharedOf(state, token) {
  const { title, messages, shared } = conversationOf(state, token);
  if (!shared) throw new Refusal(404, "not_found");
  return { title, messages, shared_at: shared.at };
}

function refuseIfSet(state) {
  if (!state.refusesNext) return;
  const [status, reason, message, decision = {}, headers = {}] = state.refusesNext;
  state.refusesNext = null;
  throw Object.assign(new Refusal(status, reason, message), { decision, headers });
}

// An answer under way: what was said so far, and who listens.
function beginAnswer(state, [, id], body, response) {
  refuseIfSet(state);
  const conversation = conversationOf(state, id);
  conversation.updated_at = Date.now();
  let question;
  let message;
  if (body.continue) {
    message = conversation.messages.find((each) => each.id === body.continue);
    message.state = "streaming";
  } else {
    question = body.regenerate ? conversation.messages.find((each) => each.id === body.parent) : addMessage(conversation, { parent: body.parent, role: "user", content: body.content });
    message = addMessage(conversation, { parent: question.id, role: "assistant", content: "", state: "streaming" });
  }
  return begin(state, message, response, { message: question, answer: { id: message.id } });
}

function begin(state, message, response, first) {
  const answer = { message, listeners: new Set() };
  answer.say = (text) => {
    message.content += text;
    for (const listener of answer.listeners) listener.write(chunkOf(text));
  };
  answer.end = (ending = "done") => {
    Object.assign(message, { state: ending, tokens: message.content.length });
    for (const listener of answer.listeners) listener.end("data: [DONE]\n\n");
  };
  // The line breaks; the answer goes on.
  answer.breakOff = () => {
    for (const listener of answer.listeners) listener.destroy();
    answer.listeners.clear();
  };
  state.awaited.get(state.answers.length)?.(answer);
  state.answers.push(answer);
  return stream(state, answer, response, first);
}

function followAnswer(state, [, , id], _, response) {
  const answer = state.answers.findLast((each) => each.message.id === id);
  stream(state, answer, response, null);
  response.write(chunkOf(answer.message.content));
  if (answer.message.state !== "streaming") response.end("data: [DONE]\n\n");
  return STREAMED;
}

function stopAnswer(state, [, , id]) {
  const answer = state.answers.findLast((each) => each.message.id === id);
  answer.end("stopped");
  return { tokens: answer.message.content.length, stopped_after_ms: 12 };
}

const chunkOf = (content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

function stream({ service }, answer, response, first) {
  const level = service.level === "open" ? {} : { "x-holdfast-level": service.level };
  response.writeHead(200, { "content-type": "text/event-stream", ...level });
  response.flushHeaders();
  if (first !== null) response.write(`data: ${JSON.stringify(first)}\n\n`);
  answer.listeners.add(response);
  response.on("close", () => answer.listeners.delete(response));
  return STREAMED;
}
