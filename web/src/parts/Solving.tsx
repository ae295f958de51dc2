// How far the browser is with the task that keeps robots away.
import { solving } from "../state/challenge";

export function Solving() {
  const done = solving.value;
  if (done === null) return null;
  return (
    <div class="solving">
      <label for="solving">Your browser solves a small task that keeps robots away…</label>
      <progress id="solving" max={1} value={done} />
    </div>
  );
}
