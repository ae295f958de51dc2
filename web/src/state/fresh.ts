// What could do harm is taken of who has shown lately who it is. When the server asks for that, the
// page does in a dialog, and what was asked for is then sent again.
import { signal } from "@preact/signals";
import { whenAskedWhoItIs } from "../api/http";
import { me } from "./me";

interface Question {
  // The server's words: what to show.
  words: string;
  answer: (isShown: boolean) => void;
}

export const question = signal<Question | null>(null);

let asked: Promise<boolean> | null = null;

// Several that are asked at once are answered by one dialog.
function ask(words: string): Promise<boolean> {
  asked ??= new Promise<boolean>((resolve) => (question.value = { words, answer: resolve })).finally(() => {
    question.value = null;
    asked = null;
  });
  return asked;
}

whenAskedWhoItIs(ask);

// Passkeys are of one address: elsewhere the browser has none of ours.
export const canUsePasskeys = () => "PublicKeyCredential" in window && me.value?.passkey_origin === location.origin;
