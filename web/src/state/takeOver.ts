// The history that this browser kept before its owner had an account: offered once to each account.
import { computed, signal } from "@preact/signals";
import { type Bundle, importConversations } from "../api/conversations";
import { forgetAll, stored } from "./conversations";
import { findList } from "./kept";
import { account } from "./me";

const keyOf = (id: string) => `holdfast.taken.${id}`;

const answered = signal(0);

export const isOffered = computed(() => {
  void answered.value;
  return account.value !== null && stored.value.length > 0 && !wasAnswered(account.value.id);
});

export async function takeOver(): Promise<void> {
  await importConversations(bundle());
  forgetAll();
  await findList();
}

export function leaveThem(): void {
  if (account.value === null) return;
  try {
    localStorage.setItem(keyOf(account.value.id), "left");
  } catch {
    // Then it is offered again.
  }
  ++answered.value;
}

function wasAnswered(id: string): boolean {
  try {
    return localStorage.getItem(keyOf(id)) !== null;
  } catch {
    return false;
  }
}

function bundle(): Bundle {
  return {
    format: "holdfast-conversations",
    version: 1,
    conversations: stored.value.map((c) => ({
      title: c.title,
      created_at: c.touchedAt,
      messages: c.messages.filter((m) => m.content !== "").map(({ id, role, content }, i, way) => ({ id, parent: way[i - 1]?.id ?? null, role, content })),
    })),
  };
}
