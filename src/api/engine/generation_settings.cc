#include "api/engine/generation_settings.h"

#include <charconv>
#include <limits>
#include <utility>

namespace holdfast::api {
namespace {

ApiResult<void> ParseSampling(const Fields& fields, engine::SamplingParams& sampling) {
  const auto set = [&](float& target, std::string_view key, double min,
                       double max) -> ApiResult<void> {
    TRY_ASSIGN(const double number, fields.Number(key, target, min, max));
    target = static_cast<float>(number);
    return {};
  };
  TRY(set(sampling.temperature, "temperature", 0, 2));
  TRY(set(sampling.top_p, "top_p", 0, 1));
  TRY(set(sampling.min_p, "min_p", 0, 1));
  TRY(set(sampling.presence_penalty, "presence_penalty", -2, 2));
  TRY(set(sampling.frequency_penalty, "frequency_penalty", -2, 2));
  TRY(set(sampling.repetition_penalty, "repetition_penalty", 0.01, 10));
  // -1 is how some clients write "all".
  TRY_ASSIGN(const auto top_k, fields.Int("top_k", -1, 1 << 20));
  if (top_k) sampling.top_k = static_cast<std::int32_t>(std::max<std::int64_t>(*top_k, 0));
  TRY_ASSIGN(const auto seed, fields.Int("seed", std::numeric_limits<std::int64_t>::min(),
                                         std::numeric_limits<std::int64_t>::max()));
  if (seed) sampling.seed = static_cast<std::uint64_t>(*seed);
  return {};
}

ApiResult<void> ParseLogitBias(const Fields& fields, std::int64_t vocab_size,
                               engine::SamplingParams& sampling) {
  constexpr double kBiasMax = 100;
  TRY_ASSIGN(const json::Object* const biases, fields.Object("logit_bias"));
  if (biases == nullptr) return {};
  if (biases->size() > kLogitBiasesMax) {
    return FailApi(Reason::kBadRequest,
                   fmt::format("'logit_bias' has more than {} entries", kLogitBiasesMax),
                   "logit_bias");
  }
  const Fields entries(*biases, "logit_bias");
  for (const auto& entry : *biases) {
    const std::string_view key = entry.key();
    std::int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc{} || end != key.data() + key.size() || id < 0 || id >= vocab_size) {
      return FailApi(Reason::kBadRequest,
                     fmt::format("'logit_bias': a key must be a token id in 0..{}", vocab_size - 1),
                     "logit_bias");
    }
    TRY_ASSIGN(const double bias, entries.Number(key, 0, -kBiasMax, kBiasMax));
    sampling.logit_bias.emplace_back(static_cast<engine::TokenId>(id), static_cast<float>(bias));
  }
  return {};
}

ApiResult<std::vector<std::string>> ParseStop(const Fields& fields) {
  std::vector<std::string> stops;
  const auto add = [&](const json::Value& value) -> ApiResult<void> {
    if (!value.is_string() || value.as_string().empty() ||
        value.as_string().size() > kStopBytesMax) {
      return FailApi(Reason::kBadRequest,
                     fmt::format("'stop' must be a string of 1 to {} bytes, or up to {} of them",
                                 kStopBytesMax, kStopStringsMax),
                     "stop");
    }
    stops.emplace_back(value.as_string());
    return {};
  };
  const json::Value* const value = fields.Find("stop");
  if (value == nullptr) return stops;
  if (!value->is_array()) {
    TRY(add(*value));
    return stops;
  }
  TRY_ASSIGN(const json::Array* const array, fields.Array("stop", kStopStringsMax));
  for (const json::Value& element : *array) TRY(add(element));
  return stops;
}

ApiResult<void> ParseStream(const Fields& fields, GenerationSettings& settings) {
  TRY_ASSIGN(settings.is_stream, fields.Bool("stream", false));
  TRY_ASSIGN(const json::Object* const options, fields.Object("stream_options"));
  if (options == nullptr) return {};
  if (!settings.is_stream) {
    return FailApi(Reason::kBadRequest,
                   "'stream_options' is only for a request with 'stream': true", "stream_options");
  }
  const Fields asked(*options, "stream_options");
  TRY_ASSIGN(settings.includes_usage, asked.Bool("include_usage", false));
  TRY_ASSIGN(settings.has_running_usage, asked.Bool("continuous_usage_stats", false));
  return {};
}

}  // namespace

ApiResult<GenerationSettings> ParseGenerationSettings(const json::Object& body,
                                                      std::int64_t vocab_size) {
  const Fields fields(body);
  GenerationSettings settings;
  TRY_ASSIGN(settings.model, fields.String("model", "", kModelBytesMax));
  TRY(ParseSampling(fields, settings.sampling));
  TRY(ParseLogitBias(fields, vocab_size, settings.sampling));
  TRY_ASSIGN(settings.stop, ParseStop(fields));
  TRY(ParseStream(fields, settings));
  TRY_ASSIGN(const auto max_tokens, fields.Int("max_tokens", 1, kAnswerTokensMax));
  TRY_ASSIGN(const auto max_completion_tokens,
             fields.Int("max_completion_tokens", 1, kAnswerTokensMax));
  settings.max_tokens = max_completion_tokens ? max_completion_tokens : max_tokens;
  TRY_ASSIGN(const auto n, fields.Int("n", 1, kChoicesMax));
  settings.n = n.value_or(1);
  TRY_ASSIGN(settings.user, fields.String("user", "", kUserBytesMax));
  if (settings.user.empty()) {
    TRY_ASSIGN(settings.user, fields.String("user_id", "", kUserBytesMax));
  }
  return settings;
}

}  // namespace holdfast::api
