// The answer that grows in the conversation that is open. The server makes it and keeps it; this page
// only listens, so leaving it ends nothing, and coming back listens again from the beginning.
import { computed, effect, signal, untracked } from "@preact/signals";
import * as api from "../api/conversations";
import type { Listener, Waiting } from "../api/chunks";
import { ApiError } from "../api/http";
import { modelId } from "./answer";
import { titleOf } from "./conversations";
import { choice, findList, findOpen, open, openId, show, start, way } from "./kept";
import { leaveIfOver } from "./me";
import { NONE, siblingOf } from "./tree";

export interface Growing {
  conversationId: string;
  // Null until the server has named it.
  answerId: string | null;
  text: string;
  reasoning: string;
  waiting?: Waiting;
}

// A question that the server did not take.
export interface Refused {
  conversationId: string;
  asking: api.Asking;
  failure: unknown;
}

const FOLLOW_TRIES_MAX = 5;
const FOLLOW_PAUSE_MS = 1000;
const UNSENT = "unsent";

export const growing = signal<Growing | null>(null);
export const refused = signal<Refused | null>(null);
export const isAnswering = computed(() => growing.value !== null);
// How long the engine went on after Stop, of the answers stopped from here.
export const stops = signal<ReadonlyMap<string, api.Stopped>>(new Map());

let abort = new AbortController();

// Another conversation: its answer goes on without a listener.
effect(() => {
  void openId.value;
  untracked(() => {
    if (growing.value !== null && growing.value.conversationId !== openId.value) drop();
    refused.value = null;
  });
});

export async function ask(question: string): Promise<void> {
  if (isAnswering.value) return;
  try {
    if (openId.value === null) await start(titleOf(question));
  } catch (failure) {
    leaveIfOver(failure);
    refused.value = { conversationId: "", asking: { parent: null, content: question }, failure };
    return;
  }
  // A question that was refused is not there to follow on.
  const last = way.value.at(-1)?.message;
  const parent = last?.id === UNSENT ? last.parent : last?.id;
  await send({ parent: parent ?? null, content: question });
}

// The question anew, as a sibling of the one it was.
export async function edit(message: string, question: string): Promise<void> {
  const edited = open.value?.messages.find((each) => each.id === message);
  if (edited !== undefined) await send({ parent: edited.parent, content: question });
}

export async function regenerate(): Promise<void> {
  if (refused.value !== null) return tryAgain();
  const question = way.value.findLast((step) => step.message.role === "user");
  if (question !== undefined) await send({ parent: question.message.id, regenerate: true });
}

export const goOn = (message: string) => send({ continue: message });

export function turn(message: string, step: 1 | -1): void {
  if (open.value !== null) show(siblingOf(open.value.messages, message, step));
}

export async function stop(): Promise<void> {
  const stopping = growing.value;
  if (stopping === null) return;
  // Nothing to stop by name yet: leaving the queue is hanging up.
  if (stopping.answerId === null) return abort.abort();
  try {
    const stopped = await api.stopAnswer(stopping.conversationId, stopping.answerId);
    stops.value = new Map(stops.value).set(stopping.answerId, stopped);
  } catch (failure) {
    leaveIfOver(failure);
  }
}

// Listens to the answer that was under way when the conversation was opened.
export function followOpen(): void {
  const streaming = way.value.findLast((step) => step.message.state === "streaming")?.message;
  if (streaming === undefined || isAnswering.value || openId.value === null) return;
  const id = openId.value;
  growing.value = { conversationId: id, answerId: streaming.id, text: "", reasoning: "" };
  void listen(id, (signal, listener) => api.follow(id, streaming.id, signal, listener), true);
}

async function tryAgain(): Promise<void> {
  const { asking } = refused.value!;
  refused.value = null;
  if (openId.value === null && "content" in asking) return ask(asking.content);
  await send(asking);
}

async function send(asking: api.Asking): Promise<void> {
  const id = openId.value;
  if (id === null || isAnswering.value) return;
  refused.value = null;
  place(asking);
  const continued = "continue" in asking ? open.value?.messages.find((each) => each.id === asking.continue) : undefined;
  growing.value = { conversationId: id, answerId: continued?.id ?? null, text: continued?.content ?? "", reasoning: continued?.reasoning ?? "" };
  const failure = await listen(id, (signal, listener) => api.ask(id, asking, modelId.value, signal, listener));
  if (failure !== null && openId.value === id) refused.value = { conversationId: id, asking, failure };
  void findList();
}

// Shows the question at once, and below it nothing but what comes.
function place(asking: api.Asking): void {
  if (open.value === null || "continue" in asking) return;
  const parent = asking.parent ?? "";
  if ("regenerate" in asking) {
    choice.value = new Map(choice.value).set(parent, NONE);
    return;
  }
  put({ id: UNSENT, parent: asking.parent, role: "user", content: asking.content });
  choice.value = new Map(choice.value).set(parent, UNSENT);
}

function put(message: Pick<api.KeptMessage, "id" | "parent" | "role" | "content"> & Partial<api.KeptMessage>): void {
  if (open.value === null) return;
  const whole: api.KeptMessage = { reasoning: null, model: null, created_at: Date.now(), state: "done", reason: null, tokens: null, ...message };
  open.value = { ...open.value, messages: [...open.value.messages.filter((each) => each.id !== message.id), whole] };
}

type Request = (signal: AbortSignal, listener: Listener) => Promise<unknown>;

// Listens to the end, and shows what the server then holds. Returns why it never began, or null.
async function listen(id: string, request: Request, isBegun = false): Promise<unknown> {
  abort = new AbortController();
  const { signal } = abort;
  const listener = listenerOf(id, signal, () => (isBegun = true));
  let failure = await failureOf(request(signal, listener));
  for (let tries = 0; isBegun && isLost(failure) && tries < FOLLOW_TRIES_MAX && !signal.aborted; ++tries) {
    const answerId = growing.value?.answerId;
    if (!answerId) break;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_PAUSE_MS));
    if (signal.aborted) break;
    growing.value = { conversationId: id, answerId, text: "", reasoning: "" };
    failure = await failureOf(api.follow(id, answerId, signal, listener));
  }
  leaveIfOver(failure);
  // The page has moved on to another conversation meanwhile, or came back and listens anew.
  if (signal !== abort.signal || growing.value === null) return null;
  if (isBegun) await findOpen();
  growing.value = null;
  if (isBegun) return null;
  return signal.aborted ? new ApiError("The question was taken back.", "left", null) : failure;
}

const failureOf = (answer: Promise<unknown>): Promise<unknown> => answer.then(() => null, (failure: unknown) => failure);

const isLost = (failure: unknown) => failure !== null && (!(failure instanceof ApiError) || failure.reason === "connection_lost" || failure.reason === "unreachable");

function listenerOf(id: string, signal: AbortSignal, onBegun: () => void): Listener {
  const update = (what: (now: Growing) => Partial<Growing>) => {
    const now = growing.value;
    if (now !== null && !signal.aborted) growing.value = { ...now, waiting: undefined, ...what(now) };
  };
  return {
    onText: (piece) => update((now) => ({ text: now.text + piece })),
    onReasoning: (piece) => update((now) => ({ reasoning: now.reasoning + piece })),
    onWaiting: (waiting) => update(() => ({ waiting })),
    onBegin(begin) {
      onBegun();
      begins(id, begin.message?.id, begin.answer!.id);
      update(() => ({ answerId: begin.answer!.id }));
    },
  };
}

// The server has taken the question: from here on it goes by its own name.
function begins(id: string, question: string | undefined, answer: string): void {
  if (open.value?.id !== id || growing.value?.answerId === answer) return;
  const unsent = open.value.messages.find((each) => each.id === UNSENT);
  if (unsent !== undefined && question !== undefined) {
    open.value = { ...open.value, messages: open.value.messages.map((each) => (each === unsent ? { ...unsent, id: question } : each)) };
  }
  const parent = question ?? way.value.at(-1)?.message.id ?? null;
  put({ id: answer, parent, role: "assistant", content: "", state: "streaming" });
  show(answer);
}

function drop(): void {
  abort.abort();
  growing.value = null;
}

