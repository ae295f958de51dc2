// Where in the page one is: "#/settings/keys?x=1". The server serves one page at "/" only, and what
// stands behind "#" never reaches it or its log, so links may carry tokens there.
import { signal } from "@preact/signals";

export interface Route {
  parts: string[];
  query: URLSearchParams;
}

export const route = signal<Route>(read());

window.addEventListener("hashchange", () => (route.value = read()));

export function go(path: string): void {
  location.hash = path;
  route.value = read();
}

// The same, so that Back does not return to here.
export function goInstead(path: string): void {
  history.replaceState(null, "", `#${path}`);
  route.value = read();
}

function read(): Route {
  const [path = "", query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  return { parts: path.split("/").filter((part) => part !== "").map(decoded), query: new URLSearchParams(query) };
}

// A mistyped link is no reason to show nothing.
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
