import { useMemo, useState } from "preact/hooks";
import type { Waiting } from "../api/chunks";
import { isAnswering, regenerate, stop } from "../state/answer";
import type { Message } from "../state/conversations";
import { toSafeHtml } from "../text/markdown";
import { AgainIcon, CopyIcon } from "./icons";

const ENDINGS: Record<string, string> = {
  length: "The answer reached its length limit.",
  stopped: "You stopped this answer.",
  left: "You left the queue.",
  interrupted: "This answer was interrupted.",
};

export function MessageBubble({ message, isLast }: { message: Message; isLast: boolean }) {
  if (message.role === "user") {
    return <article class="message user" aria-label="You"><div class="bubble">{message.content}</div></article>;
  }
  const ending = message.ending ? ENDINGS[message.ending] : undefined;
  return (
    <article class="message assistant" aria-label="Assistant" data-ending={message.failure ? "failed" : message.ending}>
      {message.content !== "" && <Markdown text={message.content} />}
      {message.failure && <Failure failure={message.failure} />}
      <footer class="message-foot">
        {message.content !== "" && <CopyButton text={message.content} />}
        {isLast && (
          <button type="button" class="icon-button" aria-label="Regenerate" title="Regenerate" disabled={isAnswering.value} onClick={regenerate}>
            <AgainIcon />
          </button>
        )}
        {message.isCut && <span class="message-note">The beginning of the conversation no longer fitted.</span>}
        {ending && <span class="message-note">{ending}</span>}
        {message.tokensPerSecond && <span class="message-note">{message.tokensPerSecond} tokens/s</span>}
      </footer>
    </article>
  );
}

export function Draft({ text, waiting }: { text: string; waiting?: Waiting }) {
  return (
    <article class="message assistant growing" aria-label="Assistant">
      {text !== "" && <Markdown text={text} />}
      {text === "" && <div class="waiting" role="status" aria-label="Waiting for the first word"><i /><i /><i /></div>}
      {text === "" && waiting && <Queue waiting={waiting} />}
    </article>
  );
}

function Queue({ waiting }: { waiting: Waiting }) {
  const place = waiting.place <= 1 ? "You are next" : `You are number ${waiting.place} in the queue`;
  const wait = waiting.seconds < 1 ? "any moment now" : `about ${waiting.seconds} s to go`;
  return (
    <p class="queue" role="status">
      Many people are asking at once. {place}, {wait}.
      <button type="button" class="queue-leave" onClick={stop}>Leave the queue</button>
    </p>
  );
}

function Markdown({ text }: { text: string }) {
  const html = useMemo(() => toSafeHtml(text), [text]);
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}

function Failure({ failure }: { failure: NonNullable<Message["failure"]> }) {
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

// Pages served over plain HTTP to other machines have no clipboard API.
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "copy-source";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function CopyButton({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button type="button" class="icon-button" aria-label={isCopied ? "Copied" : "Copy"} title="Copy" onClick={() => void copy()}>
      {isCopied ? <span class="copied">✓</span> : <CopyIcon />}
    </button>
  );
}
