// What only operators may ask: accounts, invitations, the way of registration, mail that waits.
import type { Account, RegistrationMode } from "./account";
import { call, withQuery } from "./http";

export interface AccountRow extends Account {
  state: "active" | "pending_email" | "pending_approval" | "restricted";
  last_seen_at: number | null;
  tokens_today: number;
  // Null: what the service gives everyone.
  tokens_per_day?: number | null;
  requests_at_once?: number | null;
}

export interface Quota {
  tokens_per_day: number | null;
  // 0: no limit of its own, whatever the service gives everyone.
  requests_at_once: number | null;
}

export interface Invitation {
  id: string;
  note: string;
  created_at: number;
  expires_at: number | null;
  uses_left: number;
}

export interface NewInvitation {
  note: string;
  uses: number;
  expires_at?: number;
}

export interface RegistrationRule {
  mode: RegistrationMode;
  domains: string[];
}

export interface Mail {
  id: string;
  to: string;
  subject: string;
  // Null where a mail server takes it.
  text: string | null;
  created_at: number;
  sent_at: number | null;
  error: string | null;
}

const accountPath = (id: string, verb: string) => `/api/admin/accounts/${encodeURIComponent(id)}/${verb}`;

export const listAccounts = (query: string, cursor?: string) =>
  call<{ accounts: AccountRow[]; next: string | null }>("GET", withQuery("/api/admin/accounts", { query, cursor }));
export const approve = (id: string) => call<void>("POST", accountPath(id, "approve"));
export const restrict = (id: string, reason: string, until: number | null) => call<void>("POST", accountPath(id, "restrict"), { reason, until });
export const endSessions = (id: string) => call<void>("POST", accountPath(id, "end-sessions"));
export const unrestrict = (id: string) => call<void>("POST", accountPath(id, "unrestrict"));
export const setQuota = (id: string, quota: Quota) => call<void>("POST", accountPath(id, "quota"), quota);
export const listInvitations = async () => (await call<{ invitations: Invitation[] }>("GET", "/api/admin/invitations")).invitations;
export const invite = (invitation: NewInvitation) => call<{ id: string; code: string; url: string }>("POST", "/api/admin/invitations", invitation);
export const endInvitation = (id: string) => call<void>("DELETE", `/api/admin/invitations/${encodeURIComponent(id)}`);
export const getRule = () => call<RegistrationRule>("GET", "/api/admin/registration");
export const setRule = (rule: RegistrationRule) => call<unknown>("PUT", "/api/admin/registration", rule);
export const listMail = async () => (await call<{ messages: Mail[] }>("GET", "/api/admin/outbox")).messages;
