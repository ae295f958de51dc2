// The messages of one conversation. It follows the growing answer only while the reader is at the
// bottom, so scrolling up to read is never undone; asking goes to the bottom.
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Shown, chat } from "../state/chat";
import { Draft, MessageBubble } from "./MessageBubble";

const BOTTOM_SLACK_PX = 80;

export function Thread({ conversation, isReadOnly = false }: { conversation: Shown; isReadOnly?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtBottom = useRef(true);
  const onScroll = () => {
    const el = box.current!;
    isAtBottom.current = el.scrollHeight - el.scrollTop - el.clientHeight < BOTTOM_SLACK_PX;
  };
  const draft = chat.value.draft.value?.conversationId === conversation.id ? chat.value.draft.value : null;
  const growing = draft === null ? null : draft.text + (draft.reasoning ?? "");
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
          <MessageBubble key={message.id} message={message} isLast={!isReadOnly && growing === null && index === conversation.messages.length - 1} />
        ))}
        {draft !== null && <Draft draft={draft} />}
      </div>
    </div>
  );
}
