// Why an account may do less than others, and until when.
import { account } from "../state/me";
import { formatTime } from "../text/format";

export function Restricted() {
  const restriction = account.value?.restriction;
  const probation = account.value?.probation_until ?? 0;
  if (!restriction && probation > Date.now()) {
    return (
      <p class="notice" role="status">
        This account was made while far more registered than usual. It gets answers from {formatTime(probation)} on; sooner once that is over and its mail address is confirmed, or when an operator says yes.
      </p>
    );
  }
  if (!restriction) return null;
  const until = restriction.until === null ? "until an operator lifts it" : `until ${formatTime(restriction.until)}`;
  return <p class="notice" role="status">Your account is paused {until}. The reason: {restriction.reason}</p>;
}
