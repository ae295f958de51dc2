#include "drill/engine_profile_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string_view>

#include "drill/csv.h"

namespace holdfast::drill {
namespace {

constexpr std::string_view kTable = "[engine_profile]";
constexpr std::size_t kLinesMax = 1000;

struct Setting {
  std::string_view name;
  double min;
  double max;
  void (*set)(verdict::EngineProfile& profile, double value);
};
constexpr Setting kSettings[] = {
    {"step_base_s", 0, 3600, [](auto& p, double value) { p.step_base_s = value; }},
    {"step_per_sequence_s", 0, 3600, [](auto& p, double value) { p.step_per_sequence_s = value; }},
    {"step_per_context_token_s", 0, 1,
     [](auto& p, double value) { p.step_per_context_token_s = value; }},
    {"prefill_token_s", 0, 1, [](auto& p, double value) { p.prefill_token_s = value; }},
    {"sequences_max", 1, 65'536,
     [](auto& p, double value) { p.sequences_max = static_cast<int>(value); }},
    {"prefill_chunk_tokens", 1, 1 << 20,
     [](auto& p, double value) { p.prefill_chunk_tokens = static_cast<int>(value); }},
    {"cache_tokens_max", 1, 1e12,
     [](auto& p, double value) { p.cache_tokens_max = static_cast<std::int64_t>(value); }},
    {"workers", 1, 10'000, [](auto& p, double value) { p.workers = static_cast<int>(value); }},
};

bool SetLine(std::string_view line, verdict::EngineProfile& profile) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = Trim(line.substr(0, equals));
  const auto setting = std::ranges::find(kSettings, name, &Setting::name);
  const auto value = ParseNumber(Trim(line.substr(equals + 1)));
  if (setting == std::end(kSettings) || !value) return false;
  if (*value < setting->min || *value > setting->max) return false;
  setting->set(profile, *value);
  return true;
}

}  // namespace

Result<verdict::EngineProfile> ParseEngineProfile(std::istream& text) {
  verdict::EngineProfile profile;
  std::array<char, 1024> buffer;
  std::size_t number = 0;
  while (text.getline(buffer.data(), buffer.size()) && number < kLinesMax) {
    ++number;
    std::string_view line(buffer.data());
    line = Trim(line.substr(0, line.find('#')));
    if (line.empty() || line == kTable) continue;
    if (!SetLine(line, profile)) {
      return Fail(ErrorCode::kCorrupt, "engine profile: line {} is not a setting of {}", number,
                  kTable);
    }
  }
  if (!text.eof())
    return Fail(ErrorCode::kCorrupt, "engine profile: line {}: too long", number + 1);
  if (profile.step_base_s + profile.step_per_sequence_s <= 0) {
    return Fail(ErrorCode::kCorrupt, "engine profile: a step takes no time");
  }
  return profile;
}

Result<verdict::EngineProfile> ReadEngineProfile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(ErrorCode::kIo, "{}: cannot be opened", path);
  auto profile = ParseEngineProfile(file);
  if (!profile) return Fail(profile.error().code, "{}: {}", path, profile.error().message);
  return profile;
}

}  // namespace holdfast::drill
