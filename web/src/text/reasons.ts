// What each reason of the closed list means for a person, and what to do. The server's own words are
// shown beside it only where they say more: a limit, a restriction, a date.
import { ApiError, type DecisionNotice } from "../api/http";
import { formatTime } from "./format";

const WORDS: Record<string, string> = {
  unauthenticated: "You are not logged in, or the session is over. Log in, and try again.",
  wrong_credentials: "The name and the password, the code, or the passkey do not belong together.",
  second_factor_required: "Show again who you are for this.",
  account_paused: "This account cannot be used now.",
  your_quota: "The tokens of your account are used up for now.",
  payment_required: "The balance of your account is used up.",
  name_taken: "This name is taken. Choose another one.",
  conflict: "It changed meanwhile. Load the page again.",
  weak_password: "This password is too weak: too short, or known from leaks. Choose another one.",
  needs_https: "Logging in needs an encrypted connection (HTTPS).",
  registration_closed: "No accounts can be made here now.",
  registration_paused: "Registration is paused for a while.",
  invitation_required: "An account needs an invitation here, and this one is not valid, or used up.",
  challenge_required: "Your browser has to solve a small task first. Try again.",
  left: "You took this question back before its answer began.",
  your_rate: "You ask faster than the service allows. Wait a moment.",
  your_concurrency: "You have as many answers under way as the service allows.",
  queue_full: "Everyone is asking at once, and the queue is full.",
  deadline_unreachable: "The wait would be too long now.",
  engine_restarting: "The engine is starting again.",
  upstream_down: "No engine can be reached.",
  context_too_long: "The conversation is longer than the model can read.",
  bad_request: "The server does not accept this.",
  not_found: "This does not exist, or no longer.",
  forbidden: "This is not yours to do.",
  model_not_found: "This model is not served here.",
  method_not_allowed: "The server does not know this request. Is the page older than the server?",
  foreign_host: "This is not the address of this service.",
  too_large: "This is larger than the server accepts.",
  slow_client: "The request took too long to arrive.",
  unsupported: "This is not supported here.",
  shed: "The service is over its capacity and serves others first.",
  shorter_answers: "The service gives shorter answers than this for now.",
  signed_in_only: "The service is over its capacity. Only people who are logged in can ask for now.",
  history_only: "The service is far over its capacity. Only people who have used it before can ask for now.",
  connections_full: "Too many people are connected at the moment.",
  bodies_full: "Too many large requests are on the way.",
  store_down: "The database does not answer. Try again in a moment.",
  draining: "The service is about to stop. Try again in a moment.",
  client_left: "The page was left before the answer came.",
  deadline_exceeded: "The answer took longer than its time limit.",
  slow_reader: "Your connection was too slow for the answer.",
  under_attack: "The service defends itself against an attack at the moment.",
  internal: "Something went wrong at the server.",
  unreachable: "The server cannot be reached. Is the network up?",
  connection_lost: "The connection broke off.",
};

// Of these the server knows which limit, name or date it is: its words stand instead of ours.
const SAID = new Set(["bad_request", "conflict", "second_factor_required", "registration_closed", "registration_paused", "too_large", "unsupported", "weak_password", "your_quota"]);

export function wordsOf(failure: unknown): string {
  if (!(failure instanceof ApiError)) return "Something went wrong in this page. Load it again.";
  const said = sentence(failure.message);
  const own = (SAID.has(failure.reason) && said) || (WORDS[failure.reason] ?? said);
  // The words of the restriction, or what the account waits for.
  const more = failure.reason === "account_paused" ? ` ${said}` : "";
  const wait = failure.retryAfterSeconds === null ? "" : ` Try again in ${failure.retryAfterSeconds} s.`;
  return own + more + wait + (failure.decision === null ? "" : wordsOfDecision(failure.decision));
}

function wordsOfDecision({ id, rule, expiresAt, objection }: DecisionNotice): string {
  const until = expiresAt > 0 ? `, until ${formatTime(expiresAt)}` : "";
  const object = objection === null ? "" : ` If you think it is wrong, write to ${objection} and name it.`;
  return ` This is decision ${id} by the rule ${rule}${until}.${object}`;
}

// "the name is not allowed" → "The name is not allowed."
function sentence(text: string): string {
  if (text === "") return "";
  return text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

export const reasonOf = (failure: unknown) => (failure instanceof ApiError ? failure.reason : "page");

export const wordsOfReason = (reason: string) => WORDS[reason] ?? "The answer failed.";
