// Markdown made safe: marked → DOMPurify → HTML. Links open elsewhere and tell nobody; images and
// anything that could load from another origin are dropped.
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { highlighted } from "./highlight";

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code({ text, lang }) {
      const name = (lang ?? "").trim().toLowerCase();
      const body = highlighted(text, name) ?? escape(text);
      return `<pre><code class="hljs">${body}</code></pre>`;
    },
    listitem(item) {
      const body = this.parser.parse(item.tokens, item.loose);
      if (!item.task) return `<li>${body}</li>`;
      return `<li class="task"><span class="task-box">${item.checked ? "☑" : "☐"}</span>${body}</li>`;
    },
  },
});

const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

export function toSafeHtml(markdown: string): string {
  return purify.sanitize(marked.parse(markdown, { async: false }), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["img", "picture", "audio", "video", "source", "style", "form", "input", "button", "textarea", "select", "iframe"],
    FORBID_ATTR: ["style", "id", "name"],
  });
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
