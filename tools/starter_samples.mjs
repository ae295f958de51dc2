// node tools/starter_samples.mjs URL: asks a running Holdfast every prompt of
// models/starter/prompts.json once and prints the answers as they come, for the model card.
import { readFileSync } from "node:fs";

const url = process.argv[2] ?? "http://localhost:8080";
const prompts = JSON.parse(
  readFileSync(new URL("../models/starter/prompts.json", import.meta.url), "utf8"),
);
const sampling = { temperature: 0.4, top_p: 0.95, seed: 1, max_tokens: 160 };

const { data: models } = await (await fetch(`${url}/v1/models`)).json();

async function ask(messages) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: models[0].id, messages, ...sampling }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()).choices[0].message.content;
}

for (const [group, conversations] of Object.entries(prompts)) {
  console.log(`== ${group}`);
  for (const turns of conversations) {
    const messages = [];
    for (const turn of turns) {
      if (turn.system) {
        messages.push({ role: "system", content: turn.system });
        console.log(`S: ${turn.system}`);
        continue;
      }
      messages.push({ role: "user", content: turn });
      const answer = await ask(messages);
      messages.push({ role: "assistant", content: answer });
      console.log(`U: ${turn}\nA: ${answer}`);
    }
    console.log("--");
  }
}
