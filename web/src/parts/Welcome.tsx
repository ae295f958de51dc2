import { ask } from "../state/answer";
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
          <button type="button" key={text} class="suggestion" onClick={() => ask(text)}>{text}</button>
        ))}
      </div>
    </section>
  );
}
