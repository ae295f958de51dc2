#include "drill/csv.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace holdfast::drill {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Takes `digits` digits off the front of `text`.
std::optional<int> TakeDigits(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool TakeOneOf(std::string_view& text, std::string_view choices) {
  if (text.empty() || choices.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "2023-11-16", as days since 1970.
std::optional<double> TakeDate(std::string_view& text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !TakeOneOf(text, "-/")) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !TakeOneOf(text, "-/")) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count());
}

// "18:15:46.68" or "18:15", as seconds; stops before an offset.
std::optional<double> TakeTimeOfDay(std::string_view& text) {
  const auto hour = TakeDigits(text, 2);
  if (!hour || !TakeOneOf(text, ":")) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *hour > 24 || *minute > 59) return std::nullopt;
  const double whole_s = *hour * 3600.0 + *minute * 60.0;
  if (!TakeOneOf(text, ":")) return whole_s;
  const std::size_t size = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto second = ParseNumber(text.substr(0, size));
  if (!second || *second > 60) return std::nullopt;
  text.remove_prefix(size);
  return whole_s + *second;
}

// "", "Z", "+01:00" or "-0530", as seconds.
std::optional<double> TakeOffset(std::string_view& text) {
  if (text.empty() || TakeOneOf(text, "Zz")) return 0;
  const double sign = text.front() == '-' ? -1 : 1;
  if (!TakeOneOf(text, "+-")) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours) return std::nullopt;
  TakeOneOf(text, ":");
  const auto minutes = text.empty() ? 0 : TakeDigits(text, 2);
  if (!minutes) return std::nullopt;
  return sign * (*hours * 3600.0 + *minutes * 60.0);
}

}  // namespace

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

Result<bool> CsvReader::Next() {
  while (true) {
    in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    const auto count = static_cast<std::size_t>(in_.gcount());
    if (in_.fail() && count == 0) return false;
    ++line_number_;
    if (in_.fail()) {
      return Fail(ErrorCode::kTooLarge, "line {} is over {} bytes", line_number_, kLineBytesMax);
    }
    // The end of the line was taken, too, unless the stream ended without it.
    char* begin = buffer_.data();
    char* end = begin + (in_.eof() ? count : count - 1);
    if (end > begin && end[-1] == '\r') --end;
    if (line_number_ == 1 &&
        std::string_view(begin, static_cast<std::size_t>(end - begin)).starts_with(kByteOrderMark))
      begin += kByteOrderMark.size();
    if (Trim({begin, static_cast<std::size_t>(end - begin)}).empty()) continue;
    if (!Split(begin, end)) {
      return Fail(ErrorCode::kCorrupt, "line {} has a quote that does not close", line_number_);
    }
    return true;
  }
}

bool CsvReader::Split(char* begin, char* end) {
  fields_.clear();
  for (char* at = begin;; ++at) {
    while (at < end && (*at == ' ' || *at == '\t')) ++at;
    if (at == end || *at != '"') {
      char* const first = at;
      while (at < end && *at != ',') ++at;
      fields_.push_back(Trim({first, static_cast<std::size_t>(at - first)}));
    } else {
      // Moved together over the quotes that stand for themselves.
      char* const first = ++at;
      char* last = first;
      for (; at < end && (*at != '"' || (at + 1 < end && at[1] == '"')); ++at) {
        if (*at == '"') ++at;
        *last++ = *at;
      }
      if (at == end) return false;
      fields_.push_back(Trim({first, static_cast<std::size_t>(last - first)}));
      while (at < end && *at != ',') ++at;
    }
    if (at == end) return true;
  }
}

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> ParseTime(std::string_view text) {
  if (const auto seconds = ParseNumber(text)) return seconds;
  const auto days = TakeDate(text);
  if (!days) return std::nullopt;
  if (text.empty()) return *days * 86400;
  if (!TakeOneOf(text, " Tt")) return std::nullopt;
  const auto second = TakeTimeOfDay(text);
  if (!second) return std::nullopt;
  const auto offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return *days * 86400 + *second - *offset;
}

}  // namespace holdfast::drill
