// The input: Enter sends, Shift+Enter starts a new line, Escape stops the answer.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { chat } from "../state/chat";
import { turnedAway } from "../state/service";
import { TurnedAway } from "./Level";
import { SendIcon, StopIcon } from "./icons";

const QUESTION_CHARS_MAX = 8000;
const NOTE_ID = "composer-note";
const text = signal("");

export function Composer() {
  const box = useRef<HTMLTextAreaElement>(null);
  const { currentId, isAnswering } = chat.value;
  const isShut = turnedAway.value !== null;
  const stop = () => void chat.value.stop();
  useEffect(() => box.current?.focus(), [currentId.value]);
  // Back to where it was, unless the person went elsewhere meanwhile.
  useEffect(() => {
    if (!isShut && document.activeElement === document.body) box.current?.focus();
  }, [isShut]);
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
    if (question === "" || isAnswering.value || isShut) return;
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
          aria-describedby={isShut ? NOTE_ID : undefined}
          disabled={isShut}
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
          <button type="submit" class="send-button" aria-label="Send" title="Send" disabled={isShut || text.value.trim() === ""}><SendIcon /></button>
        )}
      </div>
      {isShut ? <TurnedAway id={NOTE_ID} /> : <p class="composer-note">A small model writes these answers; it can be wrong. Check what matters.</p>}
    </form>
  );
}
