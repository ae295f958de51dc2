// How the service stands. The page asks once, and then only while it has stepped down, or when an
// answer says that it has.
import { computed, effect, signal, untracked } from "@preact/signals";
import { ApiError, whenLevelIsTold, whenTurnedAway } from "../api/http";
import { OPEN, type Service, getService } from "../api/service";
import { account } from "./me";

// Many pages look at once, and the service is busy: seldom, and not together.
const LOOK_MS = 10_000;
const LOOK_SPREAD_MS = 5_000;
// Of whoever was told no time.
const TURNED_AWAY_MS = 5_000;

export const service = signal<Service | null>(null);
// Until when asking would be refused; null: it would not be, for all the page knows. And why.
export const turnedAway = signal<{ until: number; reason: string } | null>(null);

let next = 0;
let end = 0;

export async function look(): Promise<void> {
  clearTimeout(next);
  const wasOpen = isOpen();
  try {
    service.value = await getService();
  } catch (failure) {
    if (!(failure instanceof ApiError)) throw failure;
    if (wasOpen) return;
  }
  if (isOpen()) allow();
  else next = window.setTimeout(lookIfSeen, LOOK_MS + Math.random() * LOOK_SPREAD_MS);
}

const isOpen = () => (service.value?.level ?? OPEN) === OPEN;

// A page that nobody sees asks when it is seen again.
function lookIfSeen(): void {
  if (document.visibilityState === "visible") void look();
}

export function startLooking(): () => void {
  const again = () => !isOpen() && lookIfSeen();
  document.addEventListener("visibilitychange", again);
  void look();
  return () => {
    document.removeEventListener("visibilitychange", again);
    clearTimeout(next);
  };
}

function allow(): void {
  clearTimeout(end);
  turnedAway.value = null;
}

const who = computed(() => account.value?.id);
// Whoever logs in is somebody else to the service.
effect(() => {
  void who.value;
  untracked(allow);
});

whenLevelIsTold((level) => {
  if (level !== (service.value?.level ?? OPEN)) void look();
});

whenTurnedAway((reason, seconds) => {
  const wait = seconds === null ? TURNED_AWAY_MS : 1000 * seconds;
  clearTimeout(end);
  turnedAway.value = { until: Date.now() + wait, reason };
  end = window.setTimeout(allow, wait);
});
