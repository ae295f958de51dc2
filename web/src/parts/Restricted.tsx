// Why an account may do less than others, and until when.
import { account } from "../state/me";
import { formatTime } from "../text/format";

export function Restricted() {
  const restriction = account.value?.restriction;
  if (!restriction) return null;
  const until = restriction.until === null ? "until an operator lifts it" : `until ${formatTime(restriction.until)}`;
  return <p class="notice" role="status">Your account is paused {until}. The reason: {restriction.reason}</p>;
}
