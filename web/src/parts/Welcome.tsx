import { chat, isKept } from "../state/chat";
import { beginTemporary, endTemporary, isTemporary } from "../state/conversations";
import { turnedAway } from "../state/service";
import { AnchorIcon } from "./icons";

const SUGGESTIONS = [
  "Hello! Who are you?",
  "Tell me a short story about a fox.",
  "What is the capital of France?",
  "What can you not do?",
];

export function Welcome() {
  return (
    <section class="welcome">
      <div class="welcome-mark"><AnchorIcon /></div>
      <h2>What shall we talk about?</h2>
      <p>Everything you write stays on the machine that runs this page.</p>
      <div class="suggestions">
        {SUGGESTIONS.map((text) => (
          <button type="button" key={text} class="suggestion" disabled={turnedAway.value !== null} onClick={() => void chat.value.ask(text)}>{text}</button>
        ))}
      </div>
      {isKept.value && (
        <label class="switch">
          <input type="checkbox" checked={isTemporary.value} onChange={(event) => (event.currentTarget.checked ? beginTemporary() : endTemporary())} />
          Temporary: keep this conversation in no history
        </label>
      )}
    </section>
  );
}
