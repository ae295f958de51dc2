// A page of several sections with their own addresses: settings, and what operators see to.
import type { ComponentChildren } from "preact";
import { useFocus } from "./focus";
import { useTitle } from "./title";
import { AnchorIcon } from "./icons";

export interface Tab {
  path: string;
  title: string;
}

export function Sheet({ name, tabs, current, children }: { name: string; tabs: Tab[]; current: string; children: ComponentChildren }) {
  const title = tabs.find((tab) => tab.path === current)?.title ?? name;
  useTitle(title);
  const heading = useFocus<HTMLHeadingElement>(current);
  return (
    <div class="sheet">
      <header class="sheet-head">
        <a class="brand" href="#/"><AnchorIcon /> Holdfast</a>
        <nav aria-label={name}>
          {tabs.map((tab) => (
            <a key={tab.path} href={`#${tab.path}`} class="tab" aria-current={tab.path === current ? "page" : undefined}>{tab.title}</a>
          ))}
        </nav>
        <a class="sheet-back" href="#/">Back to the chat</a>
      </header>
      <main class="sheet-main">
        <h1 ref={heading} tabIndex={-1}>{title}</h1>
        {children}
      </main>
    </div>
  );
}

export function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return <section class="section"><h2>{title}</h2>{children}</section>;
}
