// Programs that a test runs beside itself.
import { spawn } from "node:child_process";
import net from "node:net";

const READY_MS_MAX = 60_000;
const LOG_CHARS_MAX = 1 << 20;

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Starts it, and waits until `url` answers 200.
export async function launch(command, args, { env = process.env, url, readyMsMax = READY_MS_MAX }) {
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (piece) => (log = (log + piece).slice(-LOG_CHARS_MAX)));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const isReady = async () => (await fetch(url).catch(() => null))?.ok ?? false;
  for (const deadline = Date.now() + readyMsMax; !(await isReady()); ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${command} did not start:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    pid: child.pid,
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
