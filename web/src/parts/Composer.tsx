// The input: Enter sends, Shift+Enter starts a new line, Escape stops the answer.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { chat } from "../state/chat";
import { SendIcon, StopIcon } from "./icons";

const QUESTION_CHARS_MAX = 8000;
const text = signal("");

export function Composer() {
  const box = useRef<HTMLTextAreaElement>(null);
  const { currentId, isAnswering } = chat.value;
  const stop = () => void chat.value.stop();
  useEffect(() => box.current?.focus(), [currentId.value]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && stop();
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const grow = () => {
    const el = box.current!;
    el.style.height = "auto";
    el.style.height = `${Math.min(el.scrollHeight, 220)}px`;
  };
  const send = () => {
    const question = text.value.trim();
    if (question === "" || isAnswering.value) return;
    text.value = "";
    void chat.value.ask(question);
    requestAnimationFrame(grow);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="composer-box">
        <textarea
          ref={box}
          rows={1}
          value={text.value}
          maxLength={QUESTION_CHARS_MAX}
          placeholder="Write a message"
          aria-label="Message"
          onInput={(event) => {
            text.value = event.currentTarget.value;
            grow();
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        {isAnswering.value ? (
          <button type="button" class="send-button" aria-label="Stop" title="Stop" onClick={stop}><StopIcon /></button>
        ) : (
          <button type="submit" class="send-button" aria-label="Send" title="Send" disabled={text.value.trim() === ""}><SendIcon /></button>
        )}
      </div>
      <p class="composer-note">A small model writes these answers; it can be wrong. Check what matters.</p>
    </form>
  );
}
