#include "upstream/json_scan.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "json/json.h"

namespace holdfast::upstream {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// The length of the escape that `text` begins with; 0: it is none.
std::size_t EscapeBytes(std::string_view text) {
  constexpr std::size_t kUnicodeBytes = 6;  // Backslash, u, four digits.
  if (text.size() < 2) return 0;
  if (text[1] != 'u') {
    return std::string_view("\"\\/bfnrt").find(text[1]) == std::string_view::npos ? 0 : 2;
  }
  if (text.size() < kUnicodeBytes) return 0;
  return std::ranges::all_of(text.substr(2, 4), IsHexDigit) ? kUnicodeBytes : 0;
}

}  // namespace

void JsonScan::SkipSpace() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++at_;
  }
}

std::size_t JsonScan::Offset() {
  SkipSpace();
  return at_;
}

bool JsonScan::IsAtEnd() { return Offset() == text_.size(); }

bool JsonScan::Take(char c) {
  SkipSpace();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonScan::Enter(char c) { return depth_ < kDepthMax && Take(c) && ++depth_ > 0; }

bool JsonScan::Leave(char c) {
  if (!Take(c)) return false;
  --depth_;
  return true;
}

JsonKind JsonScan::Kind() {
  SkipSpace();
  if (at_ == text_.size()) return JsonKind::kNone;
  const char c = text_[at_];
  if (c == '{') return JsonKind::kObject;
  if (c == '[') return JsonKind::kArray;
  if (c == '"') return JsonKind::kString;
  if (c == 'n') return JsonKind::kNull;
  if (c == 't' || c == 'f') return JsonKind::kBool;
  return c == '-' || IsDigit(c) ? JsonKind::kNumber : JsonKind::kNone;
}

bool JsonScan::TakeWord(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool JsonScan::TakeString(std::string_view& escaped) {
  if (!Take('"')) return false;
  // A local, which the compiler keeps in a register: most of an event's bytes are in strings.
  std::size_t at = at_;
  for (; at < text_.size(); ++at) {
    const char c = text_[at];
    if (c == '"') {
      escaped = text_.substr(at_, at - at_);
      at_ = at + 1;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c == '\\') {
      const std::size_t bytes = EscapeBytes(text_.substr(at));
      if (bytes == 0) return false;
      at += bytes - 1;
    }
  }
  return false;
}

bool JsonScan::TakeNumber(std::string_view& number) {
  SkipSpace();
  const std::size_t begin = at_;
  const auto digits = [this] {
    const std::size_t first = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return at_ > first;
  };
  const auto is_at = [this](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (is_at('-')) ++at_;
  const bool begins_with_zero = is_at('0');
  const std::size_t first = at_;
  if (!digits() || (begins_with_zero && at_ > first + 1)) return false;
  if (is_at('.')) {
    ++at_;
    if (!digits()) return false;
  }
  if (is_at('e') || is_at('E')) {
    ++at_;
    if (is_at('+') || is_at('-')) ++at_;
    if (!digits()) return false;
  }
  number = text_.substr(begin, at_ - begin);
  return true;
}

bool JsonScan::TakeInt(std::optional<std::int64_t>& value) {
  if (Kind() != JsonKind::kNumber) return Skip();
  std::string_view number;
  if (!TakeNumber(number)) return false;
  std::int64_t parsed = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), parsed);
  if (error == std::errc{} && end == number.data() + number.size()) value = parsed;
  return true;
}

bool JsonScan::Skip() {
  std::string_view ignored;
  switch (Kind()) {
    case JsonKind::kNull:
      return TakeWord("null");
    case JsonKind::kBool:
      return TakeWord("true") || TakeWord("false");
    case JsonKind::kNumber:
      return TakeNumber(ignored);
    case JsonKind::kString:
      return TakeString(ignored);
    case JsonKind::kArray:
      return Items([this] { return Skip(); });
    case JsonKind::kObject:
      return Members([this](std::string_view) { return Skip(); });
    case JsonKind::kNone:
      return false;
  }
  return false;
}

std::string UnescapeJson(std::string_view escaped) {
  if (escaped.find('\\') == std::string_view::npos) return std::string(escaped);
  const Result<json::Value> value = json::Parse(fmt::format("\"{}\"", escaped));
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace holdfast::upstream
