#include "rehearsal/prompts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>

namespace holdfast::rehearsal {
namespace {

// Four bytes a token is what most vocabularies make of English.
constexpr std::size_t kTokenBytes = 4;
constexpr std::size_t kWordsBytes = 1 << 18;
constexpr std::uint64_t kWordsName = 0x776f726473;
constexpr std::string_view kLengthBegin = "Answer in ";
constexpr std::string_view kLengthEnd = " tokens.";
constexpr std::array<std::string_view, 24> kWords = {
    "river",  "letter", "window", "winter", "garden", "number", "silver", "market",
    "people", "answer", "bridge", "summer", "planet", "orange", "doctor", "island",
    "the",    "and",    "of",     "with",   "under",  "before", "quiet",  "seven"};

std::uint32_t Scatter(int median, double sigma, std::int64_t max, drill::RandomStream& random) {
  const double drawn = sigma > 0 ? random.LogNormal(median, sigma) : median;
  return static_cast<std::uint32_t>(std::clamp(drawn, 1.0, static_cast<double>(max)));
}

}  // namespace

Size DrawSize(const Group& group, drill::RandomStream& random) {
  Size size;
  size.prompt_tokens = Scatter(group.prompt_tokens, group.prompt_sigma, kPromptTokensMax, random);
  size.output_tokens = Scatter(group.output_tokens, group.output_sigma, kOutputTokensMax, random);
  return size;
}

Prompts::Prompts(std::uint64_t seed) {
  drill::RandomStream random(drill::Mix(seed, kWordsName));
  while (words_.size() < kWordsBytes) {
    words_ += kWords[random.Below(kWords.size())];
    words_ += ' ';
  }
}

std::string Prompts::ChatBody(const Group& group, std::string_view model, const Size& size,
                              drill::RandomStream& random) const {
  std::string body =
      fmt::format(R"({{"model":"{}","stream":{},{}"messages":[{{"role":"user","content":")", model,
                  group.is_streamed,
                  group.max_tokens > 0 ? fmt::format("\"max_tokens\":{},", group.max_tokens) : "");
  std::size_t left = static_cast<std::size_t>(size.prompt_tokens) * kTokenBytes;
  std::size_t at = group.is_alike ? 0 : random.Below(static_cast<std::uint32_t>(kWordsBytes));
  while (left > 0) {
    const std::string_view piece = std::string_view(words_).substr(at, left);
    body += piece;
    left -= piece.size();
    at = 0;
  }
  body += LengthLine(size.output_tokens);
  body += "\"}]}";
  return body;
}

std::string LengthLine(std::uint32_t tokens) {
  return fmt::format(" {}{}{}", kLengthBegin, tokens, kLengthEnd);
}

std::optional<std::uint32_t> FindLength(std::string_view prompt) {
  if (!prompt.ends_with(kLengthEnd)) return std::nullopt;
  const std::size_t begin = prompt.rfind(kLengthBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view digits = prompt.substr(
      begin + kLengthBegin.size(), prompt.size() - kLengthEnd.size() - begin - kLengthBegin.size());
  std::uint32_t tokens = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), tokens);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return tokens;
}

}  // namespace holdfast::rehearsal
