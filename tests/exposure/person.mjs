// A person of a running service whose every datum is a canary: a text that stands nowhere else.
import { randomBytes } from "node:crypto";

const canary = (word) => `${word}${randomBytes(6).toString("hex")}`;

export async function movingIn(url) {
  const origin = url.replace("127.0.0.1", "localhost");
  let cookie = "";
  const send = async (method, path, body) => {
    const response = await fetch(origin + path, {
      method,
      headers: { origin, cookie, ...(body && { "content-type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const set = response.headers.get("set-cookie");
    if (set) cookie = set.split(";")[0];
    return { status: response.status, text: await response.text() };
  };
  const person = { name: canary("ada"), password: `otter kettle ${canary("violin")}`, title: canary("title"), question: canary("Foxes are ") };
  const registered = await send("POST", "/api/accounts", { name: person.name, password: person.password });
  if (registered.status !== 201) throw new Error(registered.text);
  person.account = JSON.parse(registered.text).account.id;
  person.session = cookie.split("=")[1];
  person.key = JSON.parse((await send("POST", "/api/me/keys", { name: canary("laptop") })).text).key;
  const made = await send("POST", "/api/conversations", { title: person.title });
  person.conversation = JSON.parse(made.text).id;
  // The answer is streamed, and read to its end.
  const answered = await send("POST", `/api/conversations/${person.conversation}/messages`, { parent: null, content: person.question, options: { max_tokens: 4 } });
  if (answered.status !== 200) throw new Error(answered.text);
  person.send = send;
  return person;
}
