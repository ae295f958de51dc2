import { useMemo, useState } from "preact/hooks";
import type { Waiting } from "../api/chunks";
import type { Draft as DraftText } from "../state/answer";
import { type ShownMessage, chat } from "../state/chat";
import * as answer from "../state/keptAnswer";
import { turnedAway } from "../state/service";
import { highlighter } from "../text/highlight";
import { toSafeHtml } from "../text/markdown";
import { CopyButton } from "./CopyButton";
import { useFocus } from "./focus";
import { AgainIcon, EditIcon, LeftIcon, RightIcon } from "./icons";

const ENDINGS: Record<string, string> = {
  length: "The answer reached its length limit.",
  stopped: "You stopped this answer.",
  left: "You left the queue.",
  interrupted: "This answer was interrupted.",
};

export function MessageBubble({ message, isLast }: { message: ShownMessage; isLast: boolean }) {
  if (message.role === "user") return <Question message={message} />;
  const ending = message.ending ? ENDINGS[message.ending] : undefined;
  const isShut = chat.value.isAnswering.value || turnedAway.value !== null;
  return (
    <article class="message assistant" id={`m-${message.id}`} aria-label="Assistant" data-ending={message.failure ? "failed" : message.ending}>
      {message.reasoning && <Thoughts text={message.reasoning} />}
      {message.content !== "" && <Markdown text={message.content} />}
      {message.failure && <Failure failure={message.failure} />}
      <footer class="message-foot">
        {message.version && <Versions message={message} />}
        {message.content !== "" && <CopyButton text={message.content} />}
        {isLast && (
          <button type="button" class="icon-button" aria-label="Regenerate" title="Regenerate" disabled={isShut} onClick={() => void chat.value.regenerate()}>
            <AgainIcon />
          </button>
        )}
        {isLast && message.isContinuable && (
          <button type="button" class="button quiet small" disabled={isShut} onClick={() => void answer.goOn(message.id)}>Continue</button>
        )}
        {message.isCut && <span class="message-note">The beginning of the conversation no longer fitted.</span>}
        {ending && <span class="message-note">{ending}</span>}
        {message.note && <span class="message-note">{message.note}</span>}
        {message.tokensPerSecond && <span class="message-note">{message.tokensPerSecond} tokens/s</span>}
      </footer>
    </article>
  );
}

function Question({ message }: { message: ShownMessage }) {
  const [isEditing, setEditing] = useState(false);
  if (isEditing) return <EditQuestion message={message} onEnd={() => setEditing(false)} />;
  return (
    <article class="message user" id={`m-${message.id}`} aria-label="You">
      <div class="bubble">{message.content}</div>
      {message.isEditable && (
        <footer class="message-foot">
          {message.version && <Versions message={message} />}
          <button type="button" class="icon-button" aria-label="Edit" title="Edit" disabled={chat.value.isAnswering.value} onClick={() => setEditing(true)}><EditIcon /></button>
        </footer>
      )}
    </article>
  );
}

// An edited question is a new version beside the old one.
function EditQuestion({ message, onEnd }: { message: ShownMessage; onEnd: () => void }) {
  const [text, setText] = useState(message.content);
  const box = useFocus<HTMLTextAreaElement>();
  const send = (event: Event) => {
    event.preventDefault();
    onEnd();
    if (text.trim() !== "") void answer.edit(message.id, text.trim());
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onEnd();
  };
  return (
    <form class="message edit" onSubmit={send} onKeyDown={onKey}>
      <textarea aria-label="Your question" rows={3} value={text} ref={box} onInput={(event) => setText(event.currentTarget.value)} />
      <div class="row">
        <button type="submit" class="button primary">Ask this</button>
        <button type="button" class="button quiet" onClick={onEnd}>Keep it as it was</button>
      </div>
    </form>
  );
}

function Versions({ message }: { message: ShownMessage }) {
  const { index, count } = message.version!;
  const isBusy = chat.value.isAnswering.value;
  return (
    <span class="versions" role="group" aria-label="Versions">
      <button type="button" class="icon-button" aria-label="Version before" disabled={isBusy || index === 0} onClick={() => answer.turn(message.id, -1)}><LeftIcon /></button>
      <span>{index + 1} / {count}</span>
      <button type="button" class="icon-button" aria-label="Version after" disabled={isBusy || index === count - 1} onClick={() => answer.turn(message.id, 1)}><RightIcon /></button>
    </span>
  );
}

export function Draft({ draft }: { draft: DraftText }) {
  const { text, reasoning, waiting } = draft;
  return (
    <article class="message assistant growing" aria-label="Assistant">
      {reasoning && <Thoughts text={reasoning} isOpen={text === ""} />}
      {text !== "" && <Markdown text={text} />}
      {text === "" && <div class="waiting" role="status" aria-label="Waiting for the first word"><i /><i /><i /></div>}
      {text === "" && waiting && <Queue waiting={waiting} />}
    </article>
  );
}

function Thoughts({ text, isOpen = false }: { text: string; isOpen?: boolean }) {
  return <details class="thoughts" open={isOpen}><summary>Thoughts</summary><div>{text}</div></details>;
}

function Queue({ waiting }: { waiting: Waiting }) {
  const place = waiting.place <= 1 ? "You are next" : `You are number ${waiting.place} in the queue`;
  const wait = waiting.seconds < 1 ? "any moment now" : `about ${waiting.seconds} s to go`;
  return (
    <p class="queue" role="status">
      Many people are asking at once. {place}, {wait}.
      <button type="button" class="queue-leave" onClick={() => void chat.value.stop()}>Leave the queue</button>
    </p>
  );
}

function Markdown({ text }: { text: string }) {
  const html = useMemo(() => toSafeHtml(text), [text, highlighter.value]);
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}

function Failure({ failure }: { failure: NonNullable<ShownMessage["failure"]> }) {
  return (
    <div class="failure" role="alert">
      <strong>{failure.message}</strong>
      <span>
        Reason: <code>{failure.reason}</code>
        {failure.retryAfterSeconds !== null && ` · try again in ${failure.retryAfterSeconds} s`}
      </span>
    </div>
  );
}
