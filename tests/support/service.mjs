// Starts the built binary as a user would (`holdfast up`) on a free port with a run folder of its
// own, for tests in Node. HOLDFAST_BINARY names the binary, HOLDFAST_MODEL the model.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const READY_MS_MAX = 60_000;

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startService() {
  const runDir = await mkdtemp(path.join(os.tmpdir(), "holdfast-test-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.env.HOLDFAST_BINARY,
    ["up", "--model", process.env.HOLDFAST_MODEL, "--name", "starter", "--listen", `127.0.0.1:${port}`],
    { env: { ...process.env, HOLDFAST_UP_RUN_DIR: runDir }, stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const exited = new Promise((resolve) => child.once("exit", resolve));

  const isReady = async () => (await fetch(`${url}/v1/models`).catch(() => null))?.ok ?? false;
  const deadline = Date.now() + READY_MS_MAX;
  while (!(await isReady())) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the service did not start:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      await rm(runDir, { recursive: true, force: true });
    },
  };
}
