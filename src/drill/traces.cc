#include "drill/traces.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

#include "drill/lengths.h"
#include "drill/random_stream.h"
#include "json/json.h"

namespace holdfast::drill {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
constexpr std::uint32_t kTokensMax = 1 << 24;
constexpr Duration kServeGenWindow = std::chrono::minutes(10);
constexpr std::size_t kSamplesOfHistogram = 4096;

enum class Format { kTokens, kCounts, kAzure, kLengths };

struct Line {
  std::string_view text;
  std::size_t number = 0;
};

// Lines without their ends; empty ones are left out.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<Line> Next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) return Line{line, number_};
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

// The next field of a line of commas; takes it off.
std::string_view TakeField(std::string_view& line) {
  const std::size_t end = std::min(line.find(','), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

std::optional<double> Number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// "2023-11-16 18:15:46.6805900" as seconds since 1970.
std::optional<double> TimeStamp(std::string_view text) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[13] != ':') return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return Number(text.substr(at, size)); };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const auto hour = part(11, 2), minute = part(14, 2), second = part(17, text.size() - 17);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400.0 + *hour * 3600 + *minute * 60 + *second;
}

std::optional<Format> FormatOf(std::string_view header) {
  if (header.starts_with("TIMESTAMP,")) return Format::kAzure;
  if (header.starts_with("num_prefill_tokens,")) return Format::kLengths;
  if (header == "time,count") return Format::kCounts;
  if (header == "time,input_tokens,output_tokens") return Format::kTokens;
  return std::nullopt;
}

class TraceReader {
 public:
  TraceReader(Format format, const Lengths& lengths, std::uint64_t seed)
      : format_(format), lengths_(lengths), random_(Mix(seed, 0x7472616365)) {}

  // False: not a line of this format.
  bool Add(std::string_view line) {
    if (format_ == Format::kLengths) return AddRequest(Number("0"), line, requests_.size());
    const std::string_view time = TakeField(line);
    const auto at_s = format_ == Format::kAzure ? TimeStamp(time) : Number(time);
    if (!at_s) return false;
    if (!start_s_) start_s_ = *at_s;
    const double offset_s = *at_s - *start_s_;
    if (std::abs(offset_s) > 4e8) return false;
    if (format_ == Format::kCounts) {
      const auto count = Number(TakeField(line));
      if (!count || *count < 0 || *count > static_cast<double>(kTraceRequestsMax)) return false;
      counts_.push_back({offset_s, *count});
      return true;
    }
    return AddRequest(offset_s, line, 0);
  }

  Result<Trace> Finish() {
    SpreadCounts();
    if (requests_.empty()) return Fail(ErrorCode::kCorrupt, "trace: no requests");
    std::ranges::stable_sort(requests_, {}, &TracedRequest::at);
    const Duration first = requests_.front().at;
    for (TracedRequest& request : requests_) request.at -= first;
    return std::make_shared<const std::vector<TracedRequest>>(std::move(requests_));
  }

  bool is_full() const { return requests_.size() > kTraceRequestsMax; }

 private:
  struct Count {
    double at_s;
    double count;
  };

  bool AddRequest(std::optional<double> at_s, std::string_view line, std::size_t seconds) {
    const auto prompt = Number(TakeField(line));
    const auto output = Number(TakeField(line));
    if (!prompt || !output || *prompt < 0 || *output < 0 || *prompt > kTokensMax ||
        *output > kTokensMax) {
      return false;
    }
    requests_.push_back({guard::FromSeconds(*at_s + static_cast<double>(seconds)),
                         std::max(1U, static_cast<std::uint32_t>(*prompt)),
                         std::max(1U, static_cast<std::uint32_t>(*output))});
    return true;
  }

  // A count's requests lie between its line and the next; the last line lasts as the one before.
  void SpreadCounts() {
    for (std::size_t i = 0; i < counts_.size() && !is_full(); ++i) {
      const bool is_last = i + 1 == counts_.size();
      const double width_s = is_last ? (i == 0 ? 1 : counts_[i].at_s - counts_[i - 1].at_s)
                                     : counts_[i + 1].at_s - counts_[i].at_s;
      for (double left = counts_[i].count; left >= 1 || random_.Chance(left); left -= 1) {
        const TokenCounts tokens = DrawTokens(lengths_, random_);
        const double at_s = counts_[i].at_s + std::max(width_s, 0.0) * random_.Uniform();
        requests_.push_back({guard::FromSeconds(at_s), tokens.prompt, tokens.output});
        if (left < 1 || is_full()) break;
      }
    }
  }

  Format format_;
  Lengths lengths_;
  RandomStream random_;
  std::optional<double> start_s_;
  std::vector<Count> counts_;
  std::vector<TracedRequest> requests_;
};

Result<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Fail(ErrorCode::kIo, "{}: cannot be opened", path);
  const auto size = static_cast<std::size_t>(file.tellg());
  if (size > kFileBytesMax) {
    return Fail(ErrorCode::kTooLarge, "{}: over {} bytes", path, kFileBytesMax);
  }
  std::string text(size, '\0');
  file.seekg(0);
  if (!file.read(text.data(), static_cast<std::streamsize>(size))) {
    return Fail(ErrorCode::kIo, "{}: cannot be read", path);
  }
  return text;
}

// "{45: 0.0097, 46: 0.0117}", a histogram as Python prints it.
struct Bin {
  double value;
  double weight;
};
std::vector<Bin> ParseHistogram(std::string_view text) {
  std::vector<Bin> bins;
  while (true) {
    const std::size_t begin = text.find_first_of("0123456789");
    if (begin == std::string_view::npos) return bins;
    text.remove_prefix(begin);
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::size_t end = std::min(text.find_first_of(",}"), text.size());
    if (colon >= end) return bins;
    std::string_view weight_text = text.substr(colon + 1, end - colon - 1);
    while (weight_text.starts_with(' ')) weight_text.remove_prefix(1);
    const auto value = Number(text.substr(0, colon));
    const auto weight = Number(weight_text);
    if (!value || !weight) return bins;
    bins.push_back({*value, *weight});
    text.remove_prefix(end);
  }
}

// The value at this quantile.
double Quantile(const std::vector<Bin>& bins, double total, double quantile) {
  double below = 0;
  for (const Bin& bin : bins) {
    below += bin.weight;
    if (below >= quantile * total) return bin.value;
  }
  return bins.back().value;
}

// Samples that follow both histograms, each on its own: ServeGen gives no joint law.
Result<Trace> SampleLengths(const json::Object& dataset, const std::string& path) {
  std::vector<Bin> prompts;
  std::vector<Bin> outputs;
  for (const auto& entry : dataset) {
    if (!entry.value().is_object()) return Fail(ErrorCode::kCorrupt, "{}: not an object", path);
    const json::Object& window = entry.value().as_object();
    TRY_ASSIGN(const std::string input_text, json::RequireString(window, "input_tokens"));
    TRY_ASSIGN(const std::string output_text, json::RequireString(window, "output_tokens"));
    std::ranges::copy(ParseHistogram(input_text), std::back_inserter(prompts));
    std::ranges::copy(ParseHistogram(output_text), std::back_inserter(outputs));
  }
  if (prompts.empty() || outputs.empty()) return Fail(ErrorCode::kCorrupt, "{}: no lengths", path);
  double prompt_total = 0;
  double output_total = 0;
  for (std::vector<Bin>* bins : {&prompts, &outputs}) {
    std::ranges::stable_sort(*bins, {}, &Bin::value);
    for (const Bin& bin : *bins) (bins == &prompts ? prompt_total : output_total) += bin.weight;
  }
  RandomStream random(Mix(prompts.size(), outputs.size()));
  std::vector<TracedRequest> samples;
  for (std::size_t i = 0; i < kSamplesOfHistogram; ++i) {
    const double prompt = Quantile(prompts, prompt_total, random.Uniform());
    const double output = Quantile(outputs, output_total, random.Uniform());
    samples.push_back({Duration(0), std::max(1U, static_cast<std::uint32_t>(prompt)),
                       std::max(1U, static_cast<std::uint32_t>(output))});
  }
  return std::make_shared<const std::vector<TracedRequest>>(std::move(samples));
}

Result<RateWindow> ParseWindow(const Line& line, const std::string& path) {
  std::string_view rest = line.text;
  TakeField(rest);  // Start.
  const auto rate = Number(TakeField(rest));
  TakeField(rest);  // Coefficient of variation; the law's shape says the same.
  const std::string_view law = TakeField(rest);
  const auto shape = Number(TakeField(rest));
  const bool is_silent = law.empty();
  if (!rate || *rate < 0 || (!is_silent && (!shape || *shape <= 0))) {
    return Fail(ErrorCode::kCorrupt, "{}: line {} is not a window", path, line.number);
  }
  RateWindow window{.length = kServeGenWindow, .rate_per_s = is_silent ? 0 : *rate};
  if (!is_silent) window.shape = *shape;
  window.law = law == "Gamma"     ? ArrivalLaw::kGamma
               : law == "Weibull" ? ArrivalLaw::kWeibull
                                  : ArrivalLaw::kPoisson;
  return window;
}

}  // namespace

Result<Trace> ParseTrace(std::string_view text, const Lengths& lengths, std::uint64_t seed) {
  Lines lines(text);
  const auto header = lines.Next();
  const auto format = header ? FormatOf(header->text) : std::nullopt;
  if (!format) return Fail(ErrorCode::kCorrupt, "trace: line 1 names no known columns");
  TraceReader reader(*format, lengths, seed);
  while (const auto line = lines.Next()) {
    if (!reader.Add(line->text)) {
      return Fail(ErrorCode::kCorrupt, "trace: line {} is not a request", line->number);
    }
    if (reader.is_full()) {
      return Fail(ErrorCode::kTooLarge, "trace: over {} requests", kTraceRequestsMax);
    }
  }
  return reader.Finish();
}

Result<Trace> ReadTrace(const std::string& path, const Lengths& lengths, std::uint64_t seed) {
  TRY_ASSIGN(const std::string text, ReadText(path));
  auto trace = ParseTrace(text, lengths, seed);
  if (!trace) return Fail(trace.error().code, "{}: {}", path, trace.error().message);
  return trace;
}

Result<Programs> ReadServeGen(const std::string& folder, int chunk) {
  const std::string base = fmt::format("{}/chunk-{}", folder, chunk);
  TRY_ASSIGN(const std::string trace_text, ReadText(base + "-trace.csv"));
  Programs programs{.count = 1};
  Lines lines(trace_text);
  while (const auto line = lines.Next()) {
    TRY_ASSIGN(RateWindow window, ParseWindow(*line, base + "-trace.csv"));
    programs.windows.push_back(window);
  }
  TRY_ASSIGN(const std::string dataset_text, ReadText(base + "-dataset.json"));
  TRY_ASSIGN(const json::Value dataset, json::Parse(dataset_text, {.text_bytes_max = 16U << 20}));
  if (!dataset.is_object()) return Fail(ErrorCode::kCorrupt, "{}: not an object", base);
  TRY_ASSIGN(programs.lengths.samples, SampleLengths(dataset.as_object(), base + "-dataset.json"));
  programs.lengths.prompt_max = kTokensMax;
  programs.lengths.output_max = kTokensMax;
  return programs;
}

}  // namespace holdfast::drill
