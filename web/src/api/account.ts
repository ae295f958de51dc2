// Accounts as /api serves them: who one is, getting in, and one's own account.
import { call } from "./http";

export interface Restriction {
  reason: string;
  until: number | null;
}

export interface Account {
  id: string;
  name: string;
  email: string | null;
  email_verified: boolean;
  // False: its owner comes from a provider.
  password?: boolean;
  role: "person" | "operator";
  created_at: number;
  totp: boolean;
  recovery_codes_left: number;
  // How many.
  passkeys: number;
  restriction: Restriction | null;
  // Until then it may have no answers, unless what the server says comes first.
  probation_until?: number | null;
}

export interface Me {
  account: Account | null;
  // The caller may chat without an account.
  anonymous: boolean;
  login: "ok" | "needs_https";
  // There is no operator yet.
  setup_needed: boolean;
  // Where one may log in instead.
  providers?: Provider[];
  // The one origin whose pages can use passkeys, as this caller came; null: none.
  passkey_origin: string | null;
}

export interface Provider {
  id: string;
  name: string;
}

export type RegistrationMode = "open" | "email" | "invitation" | "domains" | "approval" | "closed";

export interface Challenge {
  seed: string;
  bits: number;
  expires_at: number;
}

export interface Solution {
  seed: string;
  nonce: string;
}

export interface Registration {
  mode: RegistrationMode;
  since: number;
  why: string;
  by: "operator" | "guard";
  needs: ("name" | "email" | "password" | "invitation" | "challenge")[];
  domains: string[];
  challenge: Challenge | null;
  password: { bytes_min: number; bytes_max: number };
  // Accounts made now have no answers for a while.
  probation?: boolean;
}

export interface NewAccount {
  name?: string;
  email?: string;
  password: string;
  invitation?: string;
  challenge?: Solution;
}

export type SignedUp = { account: Account } | { pending: "email" | "approval" };
export type LoggedIn = { account: Account; password_is_common?: boolean } | { second_factor: ("totp" | "recovery")[]; token: string };

export const getMe = () => call<Me>("GET", "/api/me");
export const getRegistration = () => call<Registration>("GET", "/api/registration");
// With a task, whether or not registration asks for one now: a log-in may.
export const getRegistrationWithTask = () => call<Registration>("GET", "/api/registration?challenge=1");
// Before an answer; what it earns is a cookie.
export const getTask = () => call<Challenge>("GET", "/api/challenge");
export const giveSolution = (solution: Solution) => call<unknown>("POST", "/api/challenge", solution);
export const signUp = (account: NewAccount) => call<SignedUp>("POST", "/api/accounts", account);
export const setUp = (token: string, name: string, password: string) => call<{ account: Account }>("POST", "/api/setup", { token, name, password });
export const logIn = (name: string, password: string, challenge?: Solution) => call<LoggedIn>("POST", "/api/session", { name, password, challenge });
export const giveSecondFactor = (token: string, code: string) => call<{ account: Account }>("POST", "/api/session/second-factor", { token, code });
export const logOut = () => call<void>("DELETE", "/api/session");
export const verifyEmail = (token: string) => call<{ account?: Account }>("POST", "/api/email-verification", { token });
export const askForReset = (email: string) => call<void>("POST", "/api/password-reset", { email });
export const resetPassword = (token: string, password: string) => call<void>("POST", "/api/password-reset/confirm", { token, password });

// What came of a log-in at a provider.
export type Arrival = { provider: Provider } & (
  | { state: "new"; name: string; email: string | null }
  | { state: "second_factor"; token: string }
  | { state: "failed"; reason: string; message: string }
);

export interface Identities {
  // `provider` is null where the service does not work with it any more.
  identities: { provider: string | null; name: string; linked_at: number; last_used_at: number | null }[];
  // Until then no password is asked for.
  fresh_until: number | null;
}

const identity = (provider: string) => `/api/me/identities/${encodeURIComponent(provider)}`;
export const startPath = (provider: string) => `/api/oidc/${encodeURIComponent(provider)}/start`;
export const getArrival = () => call<Arrival>("GET", "/api/oidc/arrival");
export const signUpFromProvider = (account: { name: string; invitation?: string; challenge?: Solution }) => call<SignedUp>("POST", "/api/oidc/accounts", account);
export const getIdentities = () => call<Identities>("GET", "/api/me/identities");
// The address to go to.
export const linkProvider = async (provider: string, password: string) => (await call<{ url: string }>("POST", `${identity(provider)}/link`, { password })).url;
export const confirmAtProvider = async (provider: string, then: string) => (await call<{ url: string }>("POST", `${identity(provider)}/confirm`, { then })).url;
export const unlinkProvider = (provider: string, password: string) => call<void>("POST", `${identity(provider)}/remove`, { password });

export interface Session {
  id: string;
  device: string;
  created_at: number;
  last_used_at: number;
  current: boolean;
}

export interface ApiKey {
  id: string;
  name: string;
  prefix: string;
  created_at: number;
  last_used_at: number | null;
  expires_at: number | null;
  models: string[];
  routes: string[];
  tokens_per_day: number | null;
  tokens_today: number;
  // Null: no limit of its own.
  requests_at_once?: number | null;
}

export interface NewKey {
  name: string;
  expires_at?: number;
  models?: string[];
  routes?: string[];
  tokens_per_day?: number;
  requests_at_once?: number;
}

export interface Usage {
  tokens_today: number;
  tokens_per_day: number | null;
  resets_at: number;
  // Null: only what the service can take.
  requests_at_once_max?: number | null;
  balance: number | null;
  days: { day: string; tokens: number }[];
  keys: { id: string; name: string; tokens: number }[];
}

export interface TotpOffer {
  secret: string;
  uri: string;
  qr_svg: string;
}

export interface Receipt {
  id: string;
  deleted_at: number;
  what: string[];
  backups: { kept_until: number | null; note: string };
}

export const EXPORT_PATH = "/api/me/export";

export const rename = (name: string) => call<unknown>("PATCH", "/api/me", { name });
export const changePassword = (current: string, next: string) => call<void>("POST", "/api/me/password", { current, new: next });
export const listSessions = async () => (await call<{ sessions: Session[] }>("GET", "/api/me/sessions")).sessions;
export const endSession = (id: string) => call<void>("DELETE", `/api/me/sessions/${encodeURIComponent(id)}`);
export const endOtherSessions = () => call<void>("DELETE", "/api/me/sessions");
export const offerTotp = (password: string) => call<TotpOffer>("POST", "/api/me/totp", { password });
export const confirmTotp = async (code: string) => (await call<{ recovery_codes: string[] }>("POST", "/api/me/totp/confirm", { code })).recovery_codes;
export const removeTotp = (password: string, code: string) => call<void>("POST", "/api/me/totp/remove", { password, code });
export const listKeys = async () => (await call<{ keys: ApiKey[] }>("GET", "/api/me/keys")).keys;
export const makeKey = async (key: NewKey) => (await call<{ key: string }>("POST", "/api/me/keys", key)).key;
export const endKey = (id: string) => call<void>("DELETE", `/api/me/keys/${encodeURIComponent(id)}`);
export const getUsage = () => call<Usage>("GET", "/api/me/usage");
export const deleteAccount = async (password: string) => (await call<{ receipt: Receipt }>("POST", "/api/me/delete", { password })).receipt;
