// What the built binary prints about itself, for every verb and the verbs below it.
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "base/check.h"

namespace holdfast {
namespace {

constexpr std::size_t kVerbDepthMax = 3;

struct Outcome {
  int status = 0;
  std::string text;
};

// Arguments hold no character that is special to a shell.
Outcome RunVerb(const std::string& arguments) {
  std::FILE* pipe = ::popen(fmt::format("{} {} 2>&1", HOLDFAST_BINARY, arguments).c_str(), "r");
  CHECK(pipe != nullptr);
  Outcome outcome;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
    outcome.text.append(buffer, count);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

// The first word of each line below "Subcommands:".
std::vector<std::string> VerbsIn(const std::string& help) {
  std::vector<std::string> verbs;
  std::size_t at = help.find("Subcommands:\n");
  if (at == std::string::npos) return verbs;
  at = help.find('\n', at) + 1;
  while (help.compare(at, 2, "  ") == 0) {
    const std::size_t begin = at + 2;
    if (help[begin] != ' ') verbs.push_back(help.substr(begin, help.find(' ', begin) - begin));
    at = help.find('\n', at) + 1;
  }
  return verbs;
}

// Every chain of verbs, "" first, with its help.
void ReadHelp(const std::string& verbs, std::size_t depth,
              std::vector<std::pair<std::string, Outcome>>& pages) {
  CHECK(depth <= kVerbDepthMax);
  pages.emplace_back(verbs, RunVerb(verbs + "--help"));
  for (const std::string& verb : VerbsIn(std::string(pages.back().second.text))) {
    ReadHelp(verbs + verb + " ", depth + 1, pages);
  }
}

void ExpectNoControlCharacters(const std::string& text, const std::string& what) {
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    EXPECT_TRUE(byte == '\n' || (byte >= 0x20 && byte != 0x7F))
        << "byte " << int{byte} << " in what 'holdfast " << what << "' prints";
  }
}

TEST(Help, OfEveryVerbHasNoControlCharacterButLineEnds) {
  std::vector<std::pair<std::string, Outcome>> pages;
  ReadHelp("", 0, pages);
  EXPECT_GT(pages.size(), 10u);
  for (const auto& [verbs, outcome] : pages) {
    EXPECT_EQ(outcome.status, 0) << verbs;
    ExpectNoControlCharacters(outcome.text, verbs + "--help");
  }
}

TEST(Help, NamesTheTypesAndFormatsOfConvert) {
  const std::string help = RunVerb("convert --help").text;
  for (const char* word : {"q4_k", "bf16", "fp8", "gguf", "safetensors"}) {
    EXPECT_NE(help.find(word), std::string::npos) << word;
  }
}

TEST(Help, IsReadableWhereAValueIsNotOneOfTheChoices) {
  for (const char* option : {"--type", "--format"}) {
    const Outcome outcome = RunVerb(fmt::format("convert a b {} 3", option));
    EXPECT_NE(outcome.status, 0) << option;
    ExpectNoControlCharacters(outcome.text, option);
  }
}

}  // namespace
}  // namespace holdfast
