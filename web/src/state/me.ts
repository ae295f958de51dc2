// Who uses this page. A gateway without accounts knows no /api/me: then one chats without.
import { computed, signal } from "@preact/signals";
import { type Account, type Me, type Receipt, getMe, logOut as endSession } from "../api/account";
import { ApiError } from "../api/http";
import { goInstead } from "./route";

const NOBODY: Me = { account: null, anonymous: true, login: "ok", setup_needed: false, passkey_origin: null };

export const me = signal<Me | null>(null);
export const meFailure = signal<ApiError | null>(null);
// Of the account that was just deleted, until it is read.
export const receipt = signal<(Receipt & { name: string }) | null>(null);
export const hasAccounts = signal(true);
export const account = computed(() => me.value?.account ?? null);

export async function findMe(): Promise<void> {
  try {
    me.value = await getMe();
    meFailure.value = null;
  } catch (failure) {
    if (!(failure instanceof ApiError)) throw failure;
    if (failure.status === 404) {
      hasAccounts.value = false;
      me.value = NOBODY;
    } else {
      meFailure.value = failure;
    }
  }
}

export function enter(entered: Account): void {
  me.value = { ...(me.value ?? NOBODY), account: entered, setup_needed: false };
}

export async function logOut(): Promise<void> {
  await endSession();
  startOver();
}

// Nothing of one person stays in the page for the next.
export function startOver(): void {
  goInstead("/");
  location.reload();
}

// The session is over, whoever ended it.
export function leave(): void {
  if (me.value !== null) me.value = { ...me.value, account: null };
}

export function leaveIfOver(failure: unknown): void {
  if (failure instanceof ApiError && failure.reason === "unauthenticated") leave();
}
