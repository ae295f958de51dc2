// How far the service has stepped down, and what that means.
import { call } from "./http";

export interface Service {
  level: string;
  since: number | null;
  // In words for people; null: nothing is different.
  means: string | null;
  answer_tokens_max: number | null;
}

export const OPEN = "open";

export const getService = () => call<Service>("GET", "/api/service");
