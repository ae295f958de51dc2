// The languages that are coloured, one part of the bundle.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";

const languages = { bash, sh: bash, cpp, c: cpp, javascript, js: javascript, typescript: javascript, json, python, py: python, sql };
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

export const highlight = (code: string, language: string) => hljs.highlight(code, { language }).value;
