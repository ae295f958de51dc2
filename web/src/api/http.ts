// One request to this origin, and the one shape of its errors. Only this room calls fetch.
export class ApiError extends Error {
  constructor(
    message: string,
    readonly reason: string,
    readonly retryAfterSeconds: number | null,
    readonly status = 0,
    readonly decision: DecisionNotice | null = null,
  ) {
    super(message);
  }
}

// Of whoever is limited by a decision: which, by what rule, until when, and where to object.
export interface DecisionNotice {
  id: string;
  rule: string;
  expiresAt: number;
  objection: string | null;
}

export interface ErrorBody {
  error?: { message?: string; reason?: string; code?: string; decision?: string; rule?: string; expires_at?: number; objection?: string | null };
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

// Has who uses this page show again who it is, by the server's words; false: they would not.
let askWhoItIs: (words: string) => Promise<boolean> = async () => false;

export function whenAskedWhoItIs(ask: typeof askWhoItIs): void {
  askWhoItIs = ask;
}

// Does the work that the server wants done before it answers a stranger.
let payForAnswer: (signal?: AbortSignal) => Promise<void> = async () => {
  throw new ApiError("This page cannot solve the task that is asked for.", "challenge_required", null);
};

export function whenAskedToPay(pay: typeof payForAnswer): void {
  payForAnswer = pay;
}

// What an answer says of the level of service, where it is not all that there is.
let tellLevel: (level: string) => void = () => {};

export function whenLevelIsTold(tell: typeof tellLevel): void {
  tellLevel = tell;
}

// Of who asked and may not for now, though they may read: why, and for how long.
let tellTurnedAway: (reason: string, seconds: number | null) => void = () => {};
const TURNED_AWAY = new Set(["signed_in_only", "history_only"]);

export function whenTurnedAway(tell: typeof tellTurnedAway): void {
  tellTurnedAway = tell;
}

// As send, for what asks for an answer: where a proof of work is asked for first, it is done, and
// what was asked is sent once more.
export async function sendForAnswer(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  try {
    return await send("POST", path, body, signal);
  } catch (failure) {
    if (!(failure instanceof ApiError) || failure.reason !== "challenge_required") throw failure;
    await payForAnswer(signal);
    return send("POST", path, body, signal);
  }
}

// The answer, when the server accepted the request; else throws an ApiError (or, when `signal` ended
// the request, what fetch throws then). A Blob is sent as it is, by its type; anything else as JSON.
// What was refused until the person shows again who it is, is sent a second time when they have.
export async function send(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  try {
    return await sendOnce(method, path, body, signal);
  } catch (failure) {
    const isAsked = failure instanceof ApiError && failure.reason === "second_factor_required" && path !== CONFIRM_PATH;
    if (!isAsked || !(await askWhoItIs(failure.message))) throw failure;
    return sendOnce(method, path, body, signal);
  }
}

// Where they show it: to be asked there too would never end.
const CONFIRM_PATH = "/api/me/confirm";

async function sendOnce(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const isFile = body instanceof Blob;
  const response = await fetch(path, {
    method,
    headers: body === undefined ? undefined : { "content-type": isFile ? body.type : "application/json" },
    body: body === undefined || isFile ? body : JSON.stringify(body),
    signal,
  }).catch((failure: unknown) => {
    if (signal?.aborted) throw failure;
    throw new ApiError("The server cannot be reached.", "unreachable", null);
  });
  const level = response.headers.get("x-holdfast-level");
  if (level !== null) tellLevel(level);
  if (response.ok) return response;
  const failure = await errorOf(response);
  if (TURNED_AWAY.has(failure.reason)) tellTurnedAway(failure.reason, failure.retryAfterSeconds);
  throw failure;
}

// The same, for an answer in JSON; an answer without a body is `undefined`.
export async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body);
  const text = await response.text();
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError("The server answered what this page does not understand.", "internal", null, response.status);
  }
}

// "/api/search" and { q: "fox" } → "/api/search?q=fox"; what is undefined is left out.
export function withQuery(path: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as ErrorBody;
  const wait = Number(response.headers.get("retry-after"));
  return new ApiError(
    body.error?.message ?? `The server answered ${response.status}.`,
    body.error?.reason ?? body.error?.code ?? "internal",
    Number.isFinite(wait) && wait > 0 ? wait : null,
    response.status,
    decisionIn(body),
  );
}

function decisionIn({ error }: ErrorBody): DecisionNotice | null {
  if (error?.decision === undefined) return null;
  return { id: error.decision, rule: error.rule ?? "", expiresAt: error.expires_at ?? 0, objection: error.objection ?? null };
}
