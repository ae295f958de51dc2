// The official client, for tests outside this folder.
export { default } from "openai";
