// The memory of the gateway, read 10 s after somebody left: no password, no token and no data key
// is in it any more. The gateway is not dumpable, so only root may read it.
import assert from "node:assert/strict";
import { open, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { movingIn } from "./person.mjs";
import { startService } from "../support/service.mjs";

const SETTLING_MS = 10_000;

let service;

before(async () => {
  service = await startService({ HOLDFAST_ACCOUNTS_REGISTRATION: "open", HOLDFAST_ACCOUNTS_PASSWORD_MS: "1" });
});
after(() => service?.stop());

// The process of the service that runs `verb`.
async function findProcess(root, verb) {
  const children = (await readFile(`/proc/${root}/task/${root}/children`, "utf8")).trim().split(" ");
  for (const pid of children) {
    if ((await readFile(`/proc/${pid}/cmdline`, "utf8")).includes(verb)) return Number(pid);
  }
  throw new Error(`no ${verb} among the children of ${root}`);
}

// Where each of `needles` stands in what the process may write to.
async function findInMemory(pid, needles) {
  const found = [];
  const memory = await open(`/proc/${pid}/mem`, "r");
  try {
    for (const line of (await readFile(`/proc/${pid}/maps`, "utf8")).split("\n")) {
      const match = line.match(/^([0-9a-f]+)-([0-9a-f]+) rw\S* \S+ \S+ \S+\s*(.*)$/);
      if (!match || match[3].startsWith("/dev/")) continue;
      const start = parseInt(match[1], 16);
      const image = Buffer.alloc(parseInt(match[2], 16) - start);
      const { bytesRead } = await memory.read(image, 0, image.length, start).catch(() => ({ bytesRead: 0 }));
      for (const [name, needle] of Object.entries(needles)) {
        const at = image.subarray(0, bytesRead).indexOf(needle);
        if (at >= 0) found.push(`${name} at ${match[3] || "anonymous"}+${at.toString(16)}`);
      }
    }
  } finally {
    await memory.close();
  }
  return found;
}

test("nothing of who left stays in memory", { skip: process.getuid() !== 0 && "only root may read it" }, async () => {
  const gateway = await findProcess(service.pid, "gateway");
  const ada = await movingIn(service.url);
  const needles = { password: ada.password, session: ada.session, key: ada.key.slice(3), question: ada.question };
  assert.notDeepEqual(await findInMemory(gateway, { listening: "127.0.0.1" }), [], "it can be read");
  assert.equal((await ada.send("DELETE", "/api/session")).status, 204);
  await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
  assert.deepEqual(await findInMemory(gateway, needles), []);
});
