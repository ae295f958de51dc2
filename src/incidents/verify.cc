#include "incidents/verify.h"

#include <fmt/format.h>

namespace holdfast::incidents {
namespace {

void Compare(const json::Value* claimed, const json::Value* computed, const std::string& path,
             std::size_t count_max, std::vector<std::string>& differences) {
  if (differences.size() >= count_max) return;
  if (claimed == nullptr || computed == nullptr) {
    differences.push_back(
        fmt::format("{}: {}", path, claimed == nullptr ? "missing" : "not a part of the claims"));
    return;
  }
  if (claimed->is_object() && computed->is_object()) {
    for (const auto& [key, value] : computed->get_object()) {
      const std::string_view name(key);
      Compare(json::Find(claimed->get_object(), name), &value, fmt::format("{}.{}", path, name),
              count_max, differences);
    }
    for (const auto& [key, value] : claimed->get_object()) {
      const std::string_view name(key);
      if (json::Find(computed->get_object(), name) != nullptr) continue;
      Compare(&value, nullptr, fmt::format("{}.{}", path, name), count_max, differences);
    }
    return;
  }
  if (claimed->is_array() && computed->is_array() &&
      claimed->get_array().size() == computed->get_array().size()) {
    for (std::size_t i = 0; i < computed->get_array().size(); ++i) {
      Compare(&claimed->get_array()[i], &computed->get_array()[i], fmt::format("{}[{}]", path, i),
              count_max, differences);
    }
    return;
  }
  if (*claimed == *computed) return;
  differences.push_back(fmt::format("{}: claimed {}, recomputed {}", path,
                                    json::Write(*claimed).substr(0, 200),
                                    json::Write(*computed).substr(0, 200)));
}

}  // namespace

std::vector<std::string> Differences(const json::Value& claimed, const json::Value& computed,
                                     const std::string& path, std::size_t count_max) {
  std::vector<std::string> differences;
  Compare(&claimed, &computed, path, count_max, differences);
  return differences;
}

Result<Verification> Verify(std::string_view text) {
  TRY_ASSIGN(Bundle bundle, ReadBundle(text));
  const json::Value computed = ClaimsOf(JudgeBundle(bundle), bundle.zero_unix_s);
  Verification verification{.bundle = std::move(bundle)};
  verification.differences = Differences(verification.bundle.claims, computed, "claims");
  return verification;
}

}  // namespace holdfast::incidents
