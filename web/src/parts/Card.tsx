// A page with one thing to do, in the middle.
import type { ComponentChildren } from "preact";
import { useTitle } from "./title";
import { AnchorIcon } from "./icons";

export function Card({ title, children, wide }: { title: string; children: ComponentChildren; wide?: boolean }) {
  useTitle(title);
  return (
    <main class="card-page">
      <a class="brand" href="#/"><AnchorIcon /> Holdfast</a>
      <section class={wide ? "card wide" : "card"}>
        <h1>{title}</h1>
        {children}
      </section>
    </main>
  );
}
