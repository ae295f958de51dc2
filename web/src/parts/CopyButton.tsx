import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useFocus } from "./focus";
import { CopyIcon } from "./icons";

const COPIED_SHOWN_MS = 1500;

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

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_SHOWN_MS);
  };
  return (
    <button type="button" class="icon-button" aria-label={isCopied ? "Copied" : label} title={label} onClick={() => void copy()}>
      {isCopied ? <span class="copied">✓</span> : <CopyIcon />}
    </button>
  );
}

// Something that is shown once, to be kept elsewhere.
export function Secret({ text, label }: { text: string; label: string }) {
  return <div class="secret"><code>{text}</code><CopyButton text={text} label={label} /></div>;
}

// Around secrets that were just made: who made them is taken there, by eye and by ear.
export function ShownOnce({ children }: { children: ComponentChildren }) {
  const box = useFocus<HTMLDivElement>();
  return <div class="notice-box" ref={box} tabIndex={-1} role="group" aria-label="Shown once">{children}</div>;
}
