#include "tokenizer/pre_patterns.h"

#include <utility>

namespace holdfast::tokenizer {
namespace {

// The cased letters that DeepSeek LLM's tokenizer lists one by one.
constexpr std::string_view kDeepSeekLetters =
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386})"
    R"(\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"
    R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A})"
    R"(\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4})"
    R"(\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3})"
    R"(\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107})"
    R"(\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D})"
    R"(\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"
    R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E})"
    R"(\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"
    R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB})"
    R"(\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})";
constexpr std::string_view kDeepSeekPunctuation =
    R"(!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002})";
constexpr std::string_view kDeepSeekAsian =
    R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";

constexpr std::string_view kDeepSeekV3Words = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
                                              R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
                                              R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kContractions = R"((?i:'s|'t|'re|'ve|'m|'ll|'d))";

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

std::string KimiPattern() {
  constexpr std::string_view kUpper = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])";
  constexpr std::string_view kLower = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])";
  constexpr std::string_view kPrefix = R"([^\r\n\p{L}\p{N}]?)";
  return fmt::format(R"([\p{{Han}}]+|{2}{0}*{1}+{3}?|{2}{0}+{1}*{3}?|\p{{N}}{{1,3}})"
                     R"(| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
                     kUpper, kLower, kPrefix, kContractions);
}

// The pattern that Qwen2 (digits_max 1) and Llama 3 (digits_max 3) share.
std::string QwenPattern(int digits_max) {
  return fmt::format(
      R"({0}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,{1}}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*)"
      R"(|\s*[\r\n]+|\s+(?!\S)|\s+)",
      kContractions, digits_max);
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  for (const std::string_view other : names) {
    if (name == other) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::string>> NamedPrePatterns(std::string_view name) {
  using Patterns = std::vector<std::string>;
  if (name == "deepseek-llm") {
    return Patterns{R"([\r\n])",
                    fmt::format(R"(\s?[{}]+)", kDeepSeekLetters),
                    fmt::format(R"(\s?[{}]+)", kDeepSeekPunctuation),
                    R"(\s+$)",
                    std::string(kDeepSeekAsian),
                    R"(\p{N}+)"};
  }
  if (name == "deepseek-coder") {
    return Patterns{R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", std::string(kDeepSeekAsian),
                    R"(\p{N})"};
  }
  if (IsOneOf(name, {"deepseek-v3", "deepseek-r1"})) {
    return Patterns{R"(\p{N}{1,3})", R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
                    std::string(kDeepSeekV3Words)};
  }
  if (IsOneOf(name, {"kimi-k2", "moonlight"})) return Patterns{KimiPattern()};
  if (IsOneOf(name, {"qwen2", "deepseek-r1-qwen"})) return Patterns{QwenPattern(1)};
  if (IsOneOf(name, {"llama-bpe", "llama3"})) return Patterns{QwenPattern(3)};
  if (IsOneOf(name, {"gpt-2", "gpt2"})) return Patterns{std::string(kGpt2)};
  return Fail(ErrorCode::kUnsupported, "pre-tokenizer '{}' is not known", name.substr(0, 64));
}

}  // namespace holdfast::tokenizer
