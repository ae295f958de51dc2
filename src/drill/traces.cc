#include "drill/traces.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <optional>
#include <span>
#include <string_view>

#include "drill/csv.h"
#include "drill/lengths.h"
#include "drill/random_stream.h"
#include "drill/serve_gen.h"
#include "drill/trace_builder.h"

namespace holdfast::drill {
namespace {

constexpr double kTokensMax = 1 << 24;
constexpr double kCountMax = 1e12;
constexpr double kSpanMax_s = 1e9;
constexpr std::size_t kCountLinesMax = 10'000'000;

enum Column { kTime, kPrompt, kOutput, kCount, kColumnCount };

// Which field holds what; a trace has prompt and output, or time and count.
struct Columns {
  std::array<std::optional<std::size_t>, kColumnCount> field;
  double time_unit_s = 1;

  bool has_lengths() const { return field[kPrompt] && field[kOutput]; }
  bool is_whole() const { return has_lengths() || (field[kTime] && field[kCount]); }
};

// Lower case, letters and digits alone.
std::string Plain(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') plain += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
  }
  return plain;
}

struct Spelling {
  std::string_view name;
  Column column;
};
constexpr Spelling kSpellings[] = {
    {"time", kTime},
    {"timestamp", kTime},
    {"arrivaltime", kTime},
    {"arrivedat", kTime},
    {"arrival", kTime},
    {"starttime", kTime},
    {"start", kTime},
    {"date", kTime},
    {"datetime", kTime},
    {"inputtokens", kPrompt},
    {"contexttokens", kPrompt},     // Azure.
    {"numprefilltokens", kPrompt},  // Vidur.
    {"requesttokens", kPrompt},     // BurstGPT.
    {"prompttokens", kPrompt},
    {"inputlength", kPrompt},
    {"promptlength", kPrompt},
    {"input", kPrompt},
    {"outputtokens", kOutput},
    {"generatedtokens", kOutput},
    {"numdecodetokens", kOutput},
    {"responsetokens", kOutput},
    {"completiontokens", kOutput},
    {"outputlength", kOutput},
    {"output", kOutput},
    {"count", kCount},
    {"requests", kCount},
    {"requestcount", kCount},
    {"numrequests", kCount},
};

Columns ColumnsOf(std::span<const std::string_view> header) {
  Columns columns;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string plain = Plain(header[i]);
    std::string_view name = plain;
    const bool is_ms = name.ends_with("ms") && name.size() > 2;
    if (is_ms) name.remove_suffix(2);
    for (const Spelling& spelling : kSpellings) {
      if (spelling.name != name || (is_ms && spelling.column != kTime)) continue;
      if (columns.field[spelling.column]) continue;  // The first of that name counts.
      columns.field[spelling.column] = i;
      if (spelling.column == kTime && is_ms) columns.time_unit_s = 1e-3;
    }
  }
  return columns;
}

// Of a trace that begins with figures at once.
Columns ColumnsWithoutHeader(std::span<const std::string_view> fields) {
  Columns columns;
  const auto is_number = [](std::string_view field) { return ParseNumber(field).has_value(); };
  if (!ParseTime(fields[0]) || !std::ranges::all_of(fields.subspan(1), is_number)) return columns;
  columns.field[kTime] = 0;
  if (fields.size() == 2) columns.field[kCount] = 1;
  if (fields.size() == 3) columns.field[kPrompt] = 1, columns.field[kOutput] = 2;
  return columns;
}

class TraceParser {
 public:
  TraceParser(const Columns& columns, const Lengths& lengths, std::uint64_t seed)
      : columns_(columns), lengths_(lengths), random_(Mix(seed, 0x7472616365)), builder_(lengths) {}

  // False: not a line of this trace.
  bool Add(std::span<const std::string_view> fields) {
    ++lines_;
    const auto at_s = TimeOf(fields);
    if (!at_s) return false;
    if (!start_s_) start_s_ = *at_s;
    const double offset_s = *at_s - *start_s_;
    if (std::abs(offset_s) > kSpanMax_s) return false;
    if (!columns_.has_lengths()) {
      const auto count = Amount(fields, kCount, kCountMax);
      if (!count) return false;
      counts_.push_back({offset_s, *count});
      return true;
    }
    const auto prompt = Amount(fields, kPrompt, kTokensMax);
    const auto output = Amount(fields, kOutput, kTokensMax);
    if (!prompt || !output) return false;
    builder_.Add(offset_s, *prompt, *output);
    return true;
  }

  bool is_full() const { return counts_.size() > kCountLinesMax; }

  Result<Trace> Finish() {
    SpreadCounts();
    return builder_.Finish();
  }

 private:
  struct Count {
    double at_s;
    double count;
  };

  // Lines without a time come a second apart.
  std::optional<double> TimeOf(std::span<const std::string_view> fields) const {
    if (!columns_.field[kTime]) return static_cast<double>(lines_);
    if (*columns_.field[kTime] >= fields.size()) return std::nullopt;
    const auto time = ParseTime(fields[*columns_.field[kTime]]);
    if (!time) return std::nullopt;
    return *time * columns_.time_unit_s;
  }

  std::optional<double> Amount(std::span<const std::string_view> fields, Column column,
                               double max) const {
    if (*columns_.field[column] >= fields.size()) return std::nullopt;
    const auto amount = ParseNumber(fields[*columns_.field[column]]);
    if (!amount || *amount < 0 || *amount > max) return std::nullopt;
    return amount;
  }

  // How long a line of counts lasts: until the next one, but no longer than lines usually do, so
  // that the last one and one before a hole are as the others.
  double UsualGap() const {
    std::vector<double> gaps;
    for (std::size_t i = 1; i < counts_.size(); ++i) {
      gaps.push_back(counts_[i].at_s - counts_[i - 1].at_s);
    }
    if (gaps.empty()) return 1;
    const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
    std::ranges::nth_element(gaps, middle);
    return *middle;
  }

  void SpreadCounts() {
    std::ranges::stable_sort(counts_, {}, &Count::at_s);
    std::size_t kept_lines = 0;
    double total = 0;
    for (const Count& line : counts_) {
      total += line.count;
      if (kept_lines > 0 && counts_[kept_lines - 1].at_s == line.at_s) {
        counts_[kept_lines - 1].count += line.count;
      } else {
        counts_[kept_lines++] = line;
      }
    }
    counts_.resize(kept_lines);
    const double kept = std::min(1.0, static_cast<double>(kTraceRequestsMax) / (total + 1));
    const double usual_s = UsualGap();
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      double width_s = usual_s;
      if (i + 1 < counts_.size())
        width_s = std::min(width_s, counts_[i + 1].at_s - counts_[i].at_s);
      const double count = counts_[i].count * kept;
      auto whole = static_cast<std::uint64_t>(count);
      if (random_.Chance(count - static_cast<double>(whole))) ++whole;
      for (; whole > 0; --whole) {
        const TokenCounts tokens = DrawTokens(lengths_, random_);
        builder_.Add(counts_[i].at_s + width_s * random_.Uniform(), tokens.prompt, tokens.output);
      }
    }
  }

  const Columns columns_;
  const Lengths lengths_;
  RandomStream random_;
  std::optional<double> start_s_;
  std::uint64_t lines_ = 0;
  std::vector<Count> counts_;
  TraceBuilder builder_;
};

}  // namespace

Result<Trace> ParseTrace(std::istream& csv, const Lengths& lengths, std::uint64_t seed) {
  CsvReader reader(csv);
  std::optional<TraceParser> parser;
  while (true) {
    TRY_ASSIGN(const bool has_line, reader.Next());
    if (!has_line) break;
    const bool is_first = !parser;
    if (is_first) {
      Columns columns = ColumnsOf(reader.fields());
      const bool has_header = columns.is_whole();
      if (!has_header) columns = ColumnsWithoutHeader(reader.fields());
      if (!columns.is_whole()) {
        return Fail(ErrorCode::kCorrupt, "trace: line {} names no known columns",
                    reader.line_number());
      }
      parser.emplace(columns, lengths, seed);
      if (has_header) continue;
    }
    if (!parser->Add(reader.fields())) {
      return Fail(ErrorCode::kCorrupt, "trace: line {} is not a request", reader.line_number());
    }
    if (parser->is_full()) {
      return Fail(ErrorCode::kTooLarge, "trace: over {} lines of counts", kCountLinesMax);
    }
  }
  if (!parser) return Fail(ErrorCode::kCorrupt, "trace: empty");
  return parser->Finish();
}

Result<Trace> ReadTrace(const std::string& path, const Lengths& lengths, std::uint64_t seed) {
  if (IsServeGen(path)) return ReadServeGen(path, lengths, seed);
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kIo, "{}: cannot be opened", path);
  auto trace = ParseTrace(file, lengths, seed);
  if (!trace) return Fail(trace.error().code, "{}: {}", path, trace.error().message);
  if (file.bad()) return Fail(ErrorCode::kIo, "{}: cannot be read", path);
  return trace;
}

}  // namespace holdfast::drill
