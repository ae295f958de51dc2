// The messages of one conversation. It follows the growing answer only while the reader is at the
// bottom, so scrolling up to read is never undone; asking goes to the bottom.
import { useLayoutEffect, useRef } from "preact/hooks";
import { draft } from "../state/answer";
import type { Conversation } from "../state/conversations";
import { Draft, MessageBubble } from "./MessageBubble";

const BOTTOM_SLACK_PX = 80;

export function Thread({ conversation }: { conversation: Conversation }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtBottom = useRef(true);
  const onScroll = () => {
    const el = box.current!;
    isAtBottom.current = el.scrollHeight - el.scrollTop - el.clientHeight < BOTTOM_SLACK_PX;
  };
  const growing = draft.value?.conversationId === conversation.id ? draft.value.text : null;
  useLayoutEffect(() => {
    if (conversation.messages.at(-1)?.role === "user") isAtBottom.current = true;
  }, [conversation.messages.length]);
  useLayoutEffect(() => {
    if (isAtBottom.current) box.current!.scrollTop = box.current!.scrollHeight;
  }, [conversation.messages.length, growing]);
  useLayoutEffect(() => {
    isAtBottom.current = true;
    box.current!.scrollTop = box.current!.scrollHeight;
  }, [conversation.id]);
  return (
    <div class="thread" ref={box} onScroll={onScroll}>
      <div class="thread-inner" role="log" aria-live="polite" aria-busy={growing !== null}>
        {conversation.messages.map((message, index) => (
          <MessageBubble key={message.id} message={message} isLast={growing === null && index === conversation.messages.length - 1} />
        ))}
        {growing !== null && <Draft text={growing} waiting={draft.value?.waiting} />}
      </div>
    </div>
  );
}
