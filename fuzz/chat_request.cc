// Bodies of /v1/chat/completions (first byte even) and /v1/completions (odd). What is accepted
// keeps the stated ranges; what is refused is the client's fault.
#include "api/engine/chat_request.h"

#include <cstdint>

#include "api/engine/completion_request.h"
#include "base/check.h"
#include "fuzz/input.h"

namespace holdfast::fuzz {
namespace {

constexpr std::int64_t kVocabSize = 1000;
constexpr std::size_t kPromptTokensMax = 64;

void CheckError(const api::ApiError& error) {
  CHECK(error.Status() >= 400 && error.Status() < 500);
  CHECK(!error.message.empty());
}

void CheckSettings(const api::GenerationSettings& settings) {
  const engine::SamplingParams& sampling = settings.sampling;
  CHECK(sampling.temperature >= 0 && sampling.top_p >= 0 && sampling.top_p <= 1);
  CHECK(sampling.top_logprobs >= -1 && sampling.top_logprobs <= api::kTopLogprobsMax);
  CHECK(settings.n >= 1 && settings.n <= api::kChoicesMax);
  CHECK(!settings.max_tokens || *settings.max_tokens >= 0);
  CHECK(settings.stop.size() <= api::kStopStringsMax);
  for (const std::string& stop : settings.stop) CHECK(stop.size() <= api::kStopBytesMax);
  for (const auto& [id, bias] : sampling.logit_bias) CHECK(id >= 0 && id < kVocabSize);
}

void TryChat(std::string_view body) {
  const auto request = api::ParseChatRequest(body, kVocabSize);
  if (!request) return CheckError(request.error());
  CheckSettings(request->settings);
  CHECK(!request->messages.empty() && request->messages.size() <= api::kMessagesMax);
}

void TryCompletion(std::string_view body) {
  const auto request = api::ParseCompletionRequest(body, kVocabSize, kPromptTokensMax);
  if (!request) return CheckError(request.error());
  CheckSettings(request->settings);
  CHECK(!request->prompts.empty() && request->prompts.size() <= api::kPromptsMax);
  for (const auto& prompt : request->prompts) {
    if (const auto* ids = std::get_if<std::vector<engine::TokenId>>(&prompt)) {
      for (const engine::TokenId id : *ids) CHECK(id >= 0 && id < kVocabSize);
    }
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  if (input.Byte() % 2 == 0) {
    fuzz::TryChat(input.rest());
  } else {
    fuzz::TryCompletion(input.rest());
  }
  return 0;
}
