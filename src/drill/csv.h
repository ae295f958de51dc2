// CsvReader: the lines of a CSV stream, cut into fields, in bounded memory however long the stream
// is: commas, double quotes around a field (RFC 4180; a field ends with its line), LF or CRLF, a
// byte order mark, blank lines left out. Beside it what fields of traces hold: numbers and times.
// Single-threaded.
#pragma once

#include <cstddef>
#include <istream>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::drill {

class CsvReader {
 public:
  static constexpr std::size_t kLineBytesMax = 1 << 16;

  // `in` outlives the reader.
  explicit CsvReader(std::istream& in) : in_(in), buffer_(kLineBytesMax + 1) {}

  // False: there are no more lines. Errors: kTooLarge, kCorrupt (a quote that does not close).
  [[nodiscard]] Result<bool> Next();
  // Of the line that Next() found; good until the next one. Never empty.
  std::span<const std::string_view> fields() const { return fields_; }
  std::size_t line_number() const { return line_number_; }  // From 1.

 private:
  // Cuts the line into fields; false: a quote does not close.
  bool Split(char* begin, char* end);

  std::istream& in_;
  std::vector<char> buffer_;
  std::vector<std::string_view> fields_;
  std::size_t line_number_ = 0;
};

// Without spaces, tabs and carriage returns at its ends.
std::string_view Trim(std::string_view text);
// A finite number, the whole of `text`.
std::optional<double> ParseNumber(std::string_view text);
// Seconds: a number as it is; or a date with a time of day or without, "2023-11-16 18:15:46.68",
// also with "T", with "/" and with an offset ("Z", "+01:00"), as seconds since 1970 (UTC if not
// said).
std::optional<double> ParseTime(std::string_view text);

}  // namespace holdfast::drill
