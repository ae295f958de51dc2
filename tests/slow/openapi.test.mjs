// Every operation of /openapi.json, asked with what its document allows and with what it does not, by
// schemathesis: no answer of 5xx, none with a status, a type or a form that is not in the document.
// HOLDFAST_OPENAPI_SECONDS: how long.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import os from "node:os";
import path from "node:path";
import { startService } from "../support/service.mjs";

const SECONDS = process.env.HOLDFAST_OPENAPI_SECONDS ?? "600";
const CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
// Of all calls; more, and little but the rate limit would have been tried.
const LIMITED_SHARE_MAX = 0.1;

const here = new URL(".", import.meta.url).pathname;
let service;
let folder;
let cookie;

// Who asks stands behind a proxy that is believed, so that hooks.py can ask as many callers. Short
// answers make more calls.
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-openapi-"));
  service = await startService({
    HOLDFAST_GATEWAY_TRUSTED_PROXIES: "127.0.0.1/32",
    HOLDFAST_ENGINE_ANSWER_TOKENS_MAX: "16",
    HOLDFAST_ACCOUNTS_ANONYMOUS: "everyone",
    HOLDFAST_ACCOUNTS_PASSWORD_MS: "1",
  });
  cookie = await becomeOperator();
});

const originOf = (url) => url.replace("http:", "https:");

async function becomeOperator() {
  const link = await readFile(path.join(service.stateDir, "setup-link"), "utf8");
  const response = await fetch(`${service.url}/api/setup`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: originOf(service.url), "x-forwarded-for": "2001:db8::1", "x-forwarded-proto": "https" },
    body: JSON.stringify({ token: link.trim().split("token=")[1], name: "boss", password: "otter kettle violin marble" }),
  });
  assert.equal(response.status, 201, await response.text());
  return response.headers.get("set-cookie").split(";")[0];
}

after(async () => {
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
});

// One worker: Python 3.11 as Debian 12 has it fails when two threads parse Python at once.
async function runSchemathesis(countsPath) {
  const child = spawn(
    path.join(process.env.PYTHON_BIN, "schemathesis"),
    [
      "--config-file", path.join(here, "schemathesis.toml"), "run", `${service.url}/openapi.json`, "--max-time", SECONDS,
      "--checks", CHECKS, "--workers", "1", "--no-shrink", "--continue-on-failure", "--output-sanitize", "false",
    ],
    {
      cwd: folder,
      env: {
        ...process.env,
        SCHEMATHESIS_HOOKS: "hooks",
        PYTHONPATH: here,
        PYTHONDONTWRITEBYTECODE: "1",
        HOLDFAST_OPENAPI_COUNTS: countsPath,
        HOLDFAST_OPENAPI_COOKIE: cookie,
        HOLDFAST_OPENAPI_ORIGIN: originOf(service.url),
      },
      stdio: "inherit",
    },
  );
  return new Promise((resolve) => child.once("exit", resolve));
}

test(`the service keeps to its document for ${SECONDS} s`, async () => {
  const countsPath = path.join(folder, "counts.json");
  const status = await runSchemathesis(countsPath);
  const counts = Object.entries(JSON.parse(await readFile(countsPath, "utf8")));
  for (const [answer, count] of counts.sort()) console.log(`${count} x ${answer}`);
  const sum = (rows) => rows.reduce((total, [, count]) => total + count, 0);
  const limited = sum(counts.filter(([answer]) => answer.endsWith(" 429")));
  assert.ok(limited <= LIMITED_SHARE_MAX * sum(counts), `${limited} of ${sum(counts)} calls came too fast`);
  assert.equal(status, 0, "schemathesis has findings; they are above");
});
