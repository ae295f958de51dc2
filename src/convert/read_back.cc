#include "convert/read_back.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "model/model.h"

namespace holdfast::convert {
namespace {

using model::ModelConfig;
using model::TopkMethod;

// GGUF keeps numbers as f32.
constexpr double kRoundingMax = 1e-6;
// Enough positions for rotary settings to show.
constexpr std::int64_t kTokenCount = 16;
// Of the largest logit. The same values in other types or rows may add up in another order.
constexpr float kLogitDifferenceMax = 1e-4f;

// What computes the same gets the same description.
json::Object Describe(ModelConfig config) {
  if (config.n_group == 1 && config.topk_method == TopkMethod::kGroupLimitedGreedy) {
    config.topk_method = TopkMethod::kGreedy;
  }
  if (config.topk_method == TopkMethod::kGreedy) config.n_group = config.topk_group = 1;
  json::Object object = model::WriteModelConfig(config);
  // Names of families, and ids that the tokenizer has; whether the embedding is also the output is
  // told by the tensors.
  for (const char* key :
       {"architectures", "model_type", "bos_token_id", "eos_token_id", "tie_word_embeddings"}) {
    object.erase(key);
  }
  return object;
}

bool IsSame(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number()) {
    const auto x = a.to_number<double>();
    const auto y = b.to_number<double>();
    return std::abs(x - y) <= kRoundingMax * std::max(std::abs(x), std::abs(y));
  }
  if (!a.is_object() || !b.is_object()) return a == b;
  const json::Object& members = a.get_object();
  return members.size() == b.get_object().size() &&
         std::ranges::all_of(members, [&b](const auto& member) {
           const json::Value* other = b.get_object().if_contains(member.key());
           return other != nullptr && IsSame(member.value(), *other);
         });
}

std::string ValueText(const json::Value* value) {
  return value == nullptr ? "left out" : json::Write(*value);
}

// [kTokenCount or fewer, vocabulary]
Result<std::vector<float>> Logits(const weights::Checkpoint& checkpoint,
                                  parallel::ThreadPool& pool) {
  TRY_ASSIGN(const auto model, model::Model::Load(checkpoint, pool, {.reference_kernels = true}));
  const ModelConfig& config = model->config();
  const std::int64_t count = std::min(kTokenCount, config.max_position_embeddings);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>((1 + 37 * i) % config.vocab_size));
  }
  model::LatentCache cache(config, {count, 1});
  const std::vector<model::BlockId> table{0};
  std::vector<float> logits(static_cast<std::size_t>(count * config.vocab_size));
  const model::Slice slice{tokens, 0, table, model::Slice::Logits::kAll};
  model->Forward({&slice, 1}, cache, logits.data(), {.deterministic = true});
  return logits;
}

}  // namespace

Result<void> CheckSameModel(const ModelConfig& meant, const ModelConfig& stated,
                            std::string_view target) {
  const json::Object wanted = Describe(meant);
  const json::Object found = Describe(stated);
  const auto check = [&](std::string_view key) -> Result<void> {
    const json::Value* const a = json::Find(wanted, key);
    const json::Value* const b = json::Find(found, key);
    if (a != nullptr && b != nullptr && IsSame(*a, *b)) return {};
    return Fail(ErrorCode::kUnsupported, "{}: '{}' is {}, and would be read as {}", target, key,
                ValueText(a), ValueText(b));
  };
  for (const auto& [key, value] : wanted) TRY(check(key));
  for (const auto& [key, value] : found) TRY(check(key));
  return {};
}

Result<void> CheckSameLogits(const weights::Checkpoint& source, const weights::Checkpoint& written,
                             parallel::ThreadPool& pool, std::string_view target) {
  TRY_ASSIGN(const std::vector<float> wanted, Logits(source, pool));
  TRY_ASSIGN(const std::vector<float> found, Logits(written, pool));
  if (wanted.size() != found.size()) {
    return Fail(ErrorCode::kCorrupt, "{}: {} logits, and {} of the source", target, found.size(),
                wanted.size());
  }
  float largest = 0.0f;
  for (const float logit : wanted) largest = std::max(largest, std::abs(logit));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    // A source that gives no numbers has nothing to compare.
    if (!std::isfinite(wanted[i])) continue;
    if (std::abs(wanted[i] - found[i]) <= kLogitDifferenceMax * largest) continue;
    return Fail(ErrorCode::kCorrupt, "{}: logit {} is {}, and {} of the source", target, i,
                found[i], wanted[i]);
  }
  return {};
}

}  // namespace holdfast::convert
