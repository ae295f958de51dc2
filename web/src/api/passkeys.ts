// Passkeys as /api serves them, and the two ceremonies that the browser does for them. What goes over
// the wire is JSON as WebAuthn writes it: bytes are base64url.
import type { Account, Solution } from "./account";
import { ApiError, call } from "./http";

export interface Passkey {
  id: string;
  name: string;
  created_at: number;
  last_used_at: number | null;
}

interface Descriptor {
  type: "public-key";
  id: string;
}

interface CreationOptions {
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  challenge: string;
  pubKeyCredParams: { type: "public-key"; alg: number }[];
  timeout: number;
  excludeCredentials: Descriptor[];
  authenticatorSelection: AuthenticatorSelectionCriteria;
  attestation: "none";
}

interface RequestOptions {
  rpId: string;
  challenge: string;
  timeout: number;
  allowCredentials: Descriptor[];
  userVerification: "required";
}

// One's own: names and dates, never keys.
export const listPasskeys = () => call<{ passkeys: Passkey[]; passkeys_max: number }>("GET", "/api/me/passkeys");
export const renamePasskey = (id: string, name: string) => call<void>("PATCH", `/api/me/passkeys/${encodeURIComponent(id)}`, { name });
export const removePasskey = (id: string) => call<void>("DELETE", `/api/me/passkeys/${encodeURIComponent(id)}`);

export async function addPasskey(name: string): Promise<Passkey> {
  const { publicKey } = await call<{ publicKey: CreationOptions }>("POST", "/api/me/passkeys/options", {});
  const made = await ceremony(() =>
    navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytesOf(publicKey.challenge),
        user: { ...publicKey.user, id: bytesOf(publicKey.user.id) },
        excludeCredentials: publicKey.excludeCredentials.map(described),
      },
    }),
  );
  const { clientDataJSON, attestationObject } = made.response as AuthenticatorAttestationResponse;
  const credential = { ...named(made), response: { clientDataJSON: textOf(clientDataJSON), attestationObject: textOf(attestationObject) } };
  return call<Passkey>("POST", "/api/me/passkeys", { name, credential });
}

// What a passkey answered, to be sent with whatever it was asked for.
export type Shown = ReturnType<typeof named> & { response: Record<string, string | null> };

async function show(path: string, options: { mediation?: CredentialMediationRequirement; signal?: AbortSignal } = {}): Promise<Shown> {
  const { publicKey } = await call<{ publicKey: RequestOptions }>("POST", path, {});
  const found = await ceremony(() =>
    navigator.credentials.get({
      ...options,
      publicKey: { ...publicKey, challenge: bytesOf(publicKey.challenge), allowCredentials: publicKey.allowCredentials.map(described) },
    }),
  );
  const { clientDataJSON, authenticatorData, signature, userHandle } = found.response as AuthenticatorAssertionResponse;
  return {
    ...named(found),
    response: {
      clientDataJSON: textOf(clientDataJSON),
      authenticatorData: textOf(authenticatorData),
      signature: textOf(signature),
      userHandle: userHandle === null ? null : textOf(userHandle),
    },
  };
}

export const showToLogIn = () => show("/api/session/passkey/options");
// Offered among the browser's suggestions for the name, until one is picked or `signal` says enough.
export const showFromSuggestions = (signal: AbortSignal) => show("/api/session/passkey/options", { mediation: "conditional", signal });
export const logInWith = (credential: Shown, challenge?: Solution) => call<{ account: Account }>("POST", "/api/session/passkey", { credential, challenge });

export const showToConfirm = () => show("/api/me/confirm/options");
// One of: a passkey's answer, a code, a password.
export const confirm = (proof: { credential?: Shown; code?: string; password?: string; challenge?: Solution }) => call<void>("POST", "/api/me/confirm", proof);

// What the browser does with the person; its refusals in our words.
async function ceremony(act: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await act();
    if (credential !== null) return credential as PublicKeyCredential;
  } catch (failure) {
    const name = failure instanceof DOMException ? failure.name : "";
    if (name === "InvalidStateError") throw new ApiError("This device has a passkey of your account already.", "passkey_known", null);
    if (name === "SecurityError") throw new ApiError("At this address the browser takes no passkeys.", "passkey_unsupported", null);
    if (name === "NotSupportedError") throw new ApiError("This device has no kind of passkey that can be used here.", "passkey_unsupported", null);
  }
  throw new ApiError("No passkey was shown: it was left, or took too long.", "passkey_left", null);
}

const named = (credential: PublicKeyCredential) => ({ id: credential.id, rawId: textOf(credential.rawId), type: credential.type });

const described = (each: Descriptor): PublicKeyCredentialDescriptor => ({ type: each.type, id: bytesOf(each.id) });

function textOf(bytes: ArrayBuffer): string {
  const text = btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
