// Colours in code, by highlight.js. It would be a quarter of what is loaded first, and most
// answers hold no code, so it comes with the first block that is in a language it knows; until then
// code is plain.
import { signal } from "@preact/signals";

const LANGUAGES = new Set(["bash", "sh", "cpp", "c", "javascript", "js", "typescript", "json", "python", "py", "sql"]);

type Highlighter = (code: string, language: string) => string;

// Whoever shows code draws it again when this comes.
export const highlighter = signal<Highlighter | null>(null);
let isAsked = false;

// Safe HTML of `code`, or null: it stays plain, for now or for good.
export function highlighted(code: string, language: string): string | null {
  if (!LANGUAGES.has(language)) return null;
  if (highlighter.value !== null) return highlighter.value(code, language);
  if (!isAsked) {
    isAsked = true;
    import("./languages").then((loaded) => (highlighter.value = loaded.highlight), () => {});
  }
  return null;
}
