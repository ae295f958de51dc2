// Starts the built binary as a user would, on a free port with folders of its own, for tests in Node.
// HOLDFAST_BINARY names the binary, HOLDFAST_MODEL the model.
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { freePort, launch } from "./process.mjs";

// The whole service: `holdfast up`, with the starter model. `settings`: of the environment.
export function startService(settings = {}) {
  return start(["up", "--model", process.env.HOLDFAST_MODEL, "--name", "starter"], settings);
}

// The gateway alone, before an engine that listens at `address`.
export function startGateway(address, settings = {}) {
  return start(["gateway", "--engine", address], settings);
}

// The gateway alone, as a file of settings says.
export function startGatewayOf(configPath) {
  return start(["gateway", "--config", configPath], {});
}

async function start(verb, settings) {
  const runDir = await mkdtemp(path.join(os.tmpdir(), "holdfast-test-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, HOLDFAST_UP_RUN_DIR: runDir, XDG_STATE_HOME: runDir, ...settings };
  const service = await launch(process.env.HOLDFAST_BINARY, [...verb, "--listen", `127.0.0.1:${port}`], { env, url: `${url}/v1/models` });
  return {
    url,
    stateDir: path.join(runDir, "holdfast"),
    pid: service.pid,
    log: service.log,
    async stop() {
      await service.stop();
      await rm(runDir, { recursive: true, force: true });
    },
  };
}
