// What operators see of the guard, and may take back.
import { call, withQuery } from "./http";

export interface Evidence {
  detector: string;
  value: number;
  llr: number;
}

export interface Decision {
  id: string;
  rule: string;
  action: "slow" | "challenge" | "refuse" | "push_down";
  scope: "account" | "key" | "address" | "prefix" | "fingerprint";
  // A keyed hash: tells who is the same, not who it is.
  name: string;
  since: number;
  expires_at: number;
  evidence: Evidence[];
  state: "in_force" | "expired" | "undone" | "displaced";
  ended_at: number | null;
  ended_by: string | null;
}

export interface Likeness {
  mode: "measured" | "shadow";
  is_enforced: boolean;
  why: string;
  asked: number;
  accused: number;
  // Of the share accused, not in percent.
  upper_bound: number;
  since: number | null;
}

export interface GuardState {
  level: string;
  pressure: number;
  running: number;
  waiting: number;
  restrictions: number;
  registration: { is_restricted: boolean; since: number | null; challenge_bits: number };
  likeness: Likeness;
  push_down?: { is_on: boolean; why: string; addresses: number };
}

export interface DecisionPage {
  decisions: Decision[];
  next: string | null;
}

export const getGuard = () => call<GuardState>("GET", "/api/admin/guard");
export const listDecisions = (state: "in_force" | "ended", cursor?: string) => call<DecisionPage>("GET", withQuery("/api/admin/guard/decisions", { state, cursor }));
export const undoDecision = (id: string) => call<void>("DELETE", `/api/admin/guard/decisions/${encodeURIComponent(id)}`);
