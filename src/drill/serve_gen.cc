#include "drill/serve_gen.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "drill/csv.h"
#include "drill/random_stream.h"
#include "drill/trace_builder.h"
#include "json/json.h"

namespace holdfast::drill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "chunk-";
constexpr std::string_view kTraceSuffix = "-trace.csv";
constexpr std::string_view kDatasetSuffix = "-dataset.json";
constexpr std::size_t kDatasetBytesMax = 64U << 20;
constexpr int kClientsMax = 100'000;
constexpr double kLastWindow_s = 600;
// Laws of gaps so uneven that a window would not come to its end draw so many times its rate.
constexpr double kDrawsMax = 8;
constexpr double kDrawsMin = 1000;

// The N of "chunk-N-trace.csv".
std::optional<int> ClientOf(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kTraceSuffix)) return std::nullopt;
  const char* const begin = name.data() + kPrefix.size();
  const char* const end = name.data() + name.size() - kTraceSuffix.size();
  int client = 0;
  const auto [stop, error] = std::from_chars(begin, end, client);
  if (error != std::errc() || stop != end || client < 0) return std::nullopt;
  return client;
}

// A histogram as a distribution to draw from.
class Histogram {
 public:
  // "{45: 0.0097, 46: 0.0117}", as Python prints it.
  static std::optional<Histogram> Parse(std::string_view text) {
    Histogram histogram;
    double total = 0;
    while (true) {
      const std::size_t begin = text.find_first_of("0123456789");
      if (begin == std::string_view::npos) return histogram;
      text.remove_prefix(begin);
      const std::size_t colon = text.find(':');
      const std::size_t end = std::min(text.find_first_of(",}"), text.size());
      if (colon == std::string_view::npos || colon >= end) return std::nullopt;
      std::string_view weight_text = text.substr(colon + 1, end - colon - 1);
      while (weight_text.starts_with(' ')) weight_text.remove_prefix(1);
      const auto value = ParseNumber(text.substr(0, colon));
      const auto weight = ParseNumber(weight_text);
      if (!value || !weight || *weight < 0) return std::nullopt;
      total += *weight;
      histogram.values_.push_back(*value);
      histogram.totals_.push_back(total);
      text.remove_prefix(end);
    }
  }

  bool empty() const { return totals_.empty() || totals_.back() <= 0; }
  // Not of an empty one.
  double Draw(RandomStream& random) const {
    const auto at = std::ranges::upper_bound(totals_, random.Uniform() * totals_.back());
    return values_[std::min(static_cast<std::size_t>(at - totals_.begin()), values_.size() - 1)];
  }

 private:
  std::vector<double> values_;
  std::vector<double> totals_;  // Of weights, up to each.
};

struct LengthLaw {
  Histogram prompt;
  Histogram output;
};
using LengthLaws = std::map<double, LengthLaw>;  // By the start of their stretch, in seconds.

Result<LengthLaws> ReadLengthLaws(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kIo, "{}: cannot be opened", path);
  std::ostringstream text;
  text << file.rdbuf();
  TRY_ASSIGN(const json::Value dataset,
             json::Parse(text.str(), {.text_bytes_max = kDatasetBytesMax}));
  if (!dataset.is_object()) return Fail(ErrorCode::kCorrupt, "{}: not an object", path);
  LengthLaws laws;
  for (const auto& entry : dataset.as_object()) {
    const auto start = ParseNumber(std::string_view(entry.key()));
    if (!start || !entry.value().is_object()) {
      return Fail(ErrorCode::kCorrupt, "{}: \"{}\" is no stretch", path,
                  std::string_view(entry.key()));
    }
    const json::Object& stretch = entry.value().as_object();
    TRY_ASSIGN(const std::string prompt_text, json::RequireString(stretch, "input_tokens"));
    TRY_ASSIGN(const std::string output_text, json::RequireString(stretch, "output_tokens"));
    auto prompt = Histogram::Parse(prompt_text), output = Histogram::Parse(output_text);
    if (!prompt || !output) return Fail(ErrorCode::kCorrupt, "{}: no histogram", path);
    if (prompt->empty() || output->empty()) continue;
    laws.emplace(*start, LengthLaw{std::move(*prompt), std::move(*output)});
  }
  if (laws.empty()) return Fail(ErrorCode::kCorrupt, "{}: no lengths", path);
  return laws;
}

// The one that holds at `time_s`; before the first, the first.
const LengthLaw& LawAt(const LengthLaws& laws, double time_s) {
  const auto next = laws.upper_bound(time_s);
  return next == laws.begin() ? next->second : std::prev(next)->second;
}

struct Window {
  double start_s = 0;
  double rate_per_s = 0;
  ArrivalLaw law = ArrivalLaw::kPoisson;
  double shape = 1;
};

std::optional<Window> ParseWindow(std::span<const std::string_view> fields) {
  if (fields.size() < 5) return std::nullopt;
  const auto start = ParseNumber(fields[0]), rate = ParseNumber(fields[1]);
  const bool is_silent = fields[3].empty();
  // The coefficient of variation (the third field) says the same as the law's shape.
  const auto shape = is_silent ? 1.0 : ParseNumber(fields[4]);
  if (!start || !rate || *rate < 0 || !shape || *shape <= 0) return std::nullopt;
  const ArrivalLaw law = fields[3] == "Gamma"     ? ArrivalLaw::kGamma
                         : fields[3] == "Weibull" ? ArrivalLaw::kWeibull
                                                  : ArrivalLaw::kPoisson;
  return Window{*start, is_silent ? 0 : *rate, law, *shape};
}

Result<std::vector<Window>> ReadWindows(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kIo, "{}: cannot be opened", path);
  CsvReader reader(file);
  std::vector<Window> windows;
  while (true) {
    TRY_ASSIGN(const bool has_line, reader.Next());
    if (!has_line) return windows;
    const auto window = ParseWindow(reader.fields());
    if (!window || (!windows.empty() && window->start_s <= windows.back().start_s)) {
      return Fail(ErrorCode::kCorrupt, "{}: line {} is not a window", path, reader.line_number());
    }
    windows.push_back(*window);
  }
}

double DrawGaps(const Window& window, RandomStream& random) {
  switch (window.law) {
    case ArrivalLaw::kGamma:
      return random.Gamma(window.shape);
    case ArrivalLaw::kWeibull:
      return random.Weibull(window.shape);
    case ArrivalLaw::kPoisson:
      break;
  }
  return random.Exponential(1);
}

// `expected`: requests by the rates, of this client and those before it.
Result<void> AddClient(const std::string& base, RandomStream random, double requests_max,
                       double& expected, TraceBuilder& builder) {
  TRY_ASSIGN(const std::vector<Window> windows, ReadWindows(base + std::string(kTraceSuffix)));
  TRY_ASSIGN(const LengthLaws laws, ReadLengthLaws(base + std::string(kDatasetSuffix)));
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows[i];
    const double end_s =
        i + 1 < windows.size() ? windows[i + 1].start_s : window.start_s + kLastWindow_s;
    if (window.rate_per_s <= 0) continue;
    const double here = window.rate_per_s * (end_s - window.start_s);
    expected += here;
    if (expected > requests_max) {
      return Fail(ErrorCode::kTooLarge, "{}: over {} requests by the rates", base, requests_max);
    }
    const LengthLaw& law = LawAt(laws, window.start_s);
    double at_s = window.start_s;
    for (double draws = std::max(kDrawsMax * here, kDrawsMin); draws > 0; --draws) {
      at_s += DrawGaps(window, random) / window.rate_per_s;
      if (!(at_s < end_s)) break;
      const double prompt = law.prompt.Draw(random);
      builder.Add(at_s, prompt, law.output.Draw(random));
    }
  }
  return {};
}

}  // namespace

bool IsServeGen(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) || ClientOf(path).has_value();
}

Result<Trace> ReadServeGen(const std::string& path, const Lengths& lengths, std::uint64_t seed,
                           double requests_max) {
  std::map<int, std::string> clients;  // Their files, without the endings.
  const auto add = [&](const fs::path& file) {
    const auto client = ClientOf(file);
    if (!client) return;
    const std::string text = file.string();
    clients.emplace(*client, text.substr(0, text.size() - kTraceSuffix.size()));
  };
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (auto at = fs::directory_iterator(path, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
      add(at->path());
      if (clients.size() > kClientsMax) {
        return Fail(ErrorCode::kTooLarge, "{}: over {} clients", path, kClientsMax);
      }
    }
    if (error) return Fail(ErrorCode::kIo, "{}: {}", path, error.message());
  } else {
    add(path);
  }
  if (clients.empty()) {
    return Fail(ErrorCode::kNotFound, "{}: no chunk-N{} of ServeGen", path, kTraceSuffix);
  }
  TraceBuilder builder(lengths);
  double expected = 0;
  for (const auto& [client, base] : clients) {
    const auto number = static_cast<std::uint64_t>(client);
    TRY(AddClient(base, RandomStream(Mix(seed, number)), requests_max, expected, builder));
  }
  return builder.Finish();
}

}  // namespace holdfast::drill
