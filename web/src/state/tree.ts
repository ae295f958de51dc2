// A conversation as a tree of messages, and the one way through it that is shown.
import type { KeptMessage } from "../api/conversations";

// Which child is shown under each message ("" is the root). Without an entry: the newest one. NONE:
// no child, because a new one is under way.
export type Choice = ReadonlyMap<string, string>;
export const NONE = "";

export interface Step {
  message: KeptMessage;
  // Of the message and its siblings: the versions of a question, or of an answer.
  index: number;
  count: number;
}

const keyOf = (message: KeptMessage) => message.parent ?? "";

export function wayThrough(messages: KeptMessage[], choice: Choice): Step[] {
  const children = grouped(messages);
  const way: Step[] = [];
  let siblings = children.get("");
  // A circle, which no honest server sends, ends as well.
  while (siblings !== undefined && way.length < messages.length) {
    const key = keyOf(siblings[0]!);
    const chosen = choice.get(key);
    if (chosen === NONE) break;
    const found = siblings.findIndex((each) => each.id === chosen);
    const index = found >= 0 ? found : siblings.length - 1;
    const message = siblings[index]!;
    way.push({ message, index, count: siblings.length });
    siblings = children.get(message.id);
  }
  return way;
}

// The choice that shows `id`.
export function leadingTo(messages: KeptMessage[], id: string, choice: Choice): Choice {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const changed = new Map(choice);
  let message = byId.get(id);
  for (let i = 0; message !== undefined && i < messages.length; ++i) {
    changed.set(keyOf(message), message.id);
    message = message.parent === null ? undefined : byId.get(message.parent);
  }
  return changed;
}

// The sibling `step` places further, or the same.
export function siblingOf(messages: KeptMessage[], id: string, step: number): string {
  const message = messages.find((each) => each.id === id);
  if (message === undefined) return id;
  const siblings = messages.filter((each) => each.parent === message.parent);
  return siblings[siblings.indexOf(message) + step]?.id ?? id;
}

function grouped(messages: KeptMessage[]): Map<string, KeptMessage[]> {
  const groups = new Map<string, KeptMessage[]>();
  for (const message of messages) {
    const group = groups.get(keyOf(message));
    if (group) group.push(message);
    else groups.set(keyOf(message), [message]);
  }
  return groups;
}
