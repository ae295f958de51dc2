// holdfast logits MODEL --tokens 5,77,130 --out FILE: every position's logits as raw little-endian
// f32 [seq, vocab], to compare with another implementation.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/result.h"
#include "holdfast/verbs.h"
#include "model/model.h"
#include "parallel/thread_pool.h"
#include "weights/checkpoint.h"

namespace holdfast {
namespace {

// Tokens computed at a time; bounds the memory for activations and logits.
constexpr std::size_t kChunkTokens = 256;
constexpr std::int64_t kBlockTokens = 32;

struct LogitsOptions {
  std::string model;
  std::vector<std::int32_t> tokens;
  std::string out;
  bool mtp = false;
  bool reference = false;
  bool deterministic = false;
};

Result<void> CheckTokens(const LogitsOptions& options, const model::ModelConfig& config) {
  const std::size_t count = options.tokens.size();
  const std::size_t count_min = options.mtp ? 2 : 1;
  if (count < count_min || count > static_cast<std::size_t>(config.max_position_embeddings)) {
    return Fail(ErrorCode::kInvalidArgument, "{} tokens, outside {}..{}", count, count_min,
                config.max_position_embeddings);
  }
  for (const std::int32_t token : options.tokens) {
    if (token < 0 || token >= config.vocab_size) {
      return Fail(ErrorCode::kInvalidArgument, "token {} is outside the vocabulary 0..{}", token,
                  config.vocab_size - 1);
    }
  }
  return {};
}

Result<void> WriteLogits(const LogitsOptions& options) {
  TRY_ASSIGN(const auto checkpoint, weights::Checkpoint::Open(options.model));
  parallel::ThreadPool pool;
  const auto loaded =
      model::Model::Load(*checkpoint, pool, {.reference_kernels = options.reference});
  if (!loaded) return Fail(loaded.error().code, "{}: {}", options.model, loaded.error().message);
  model::Model& model = **loaded;
  const model::ModelConfig& config = model.config();
  TRY(CheckTokens(options, config));
  std::ofstream file(options.out, std::ios::binary | std::ios::trunc);
  const auto write = [&](const std::vector<float>& logits) {
    file.write(reinterpret_cast<const char*>(logits.data()),
               static_cast<std::streamsize>(logits.size() * sizeof(float)));
  };
  const std::span<const std::int32_t> tokens(options.tokens);
  if (options.mtp) {
    std::vector<float> logits((tokens.size() - 1) * config.vocab_size);
    TRY(model.ForwardMtp(tokens, logits.data()));
    write(logits);
  } else {
    const auto block_count = static_cast<std::int64_t>(tokens.size() - 1) / kBlockTokens + 1;
    model::LatentCache cache(config, {kBlockTokens, block_count});
    std::vector<model::BlockId> table(block_count);
    std::iota(table.begin(), table.end(), 0);
    for (std::size_t at = 0; at < tokens.size(); at += kChunkTokens) {
      const auto chunk = tokens.subspan(at, std::min(kChunkTokens, tokens.size() - at));
      std::vector<float> logits(chunk.size() * config.vocab_size);
      const model::Slice slice{chunk, static_cast<std::int64_t>(at), table,
                               model::Slice::Logits::kAll};
      model.Forward({&slice, 1}, cache, logits.data(), {.deterministic = options.deterministic});
      write(logits);
    }
  }
  file.flush();
  if (!file) return Fail(ErrorCode::kIo, "cannot write {}", options.out);
  return {};
}

}  // namespace

void AddLogits(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<LogitsOptions>();
  CLI::App* verb = app.add_subcommand("logits", "Write every position's logits as raw f32");
  verb->add_option("model", options->model, "Model directory or GGUF file")->required();
  verb->add_option("--tokens", options->tokens, "Token ids")->delimiter(',')->required();
  verb->add_option("--out", options->out, "File of f32 [seq, vocab]")->required();
  verb->add_flag("--mtp", options->mtp, "Logits of the multi-token prediction module");
  verb->add_flag("--reference", options->reference, "Plain reference kernels");
  verb->add_flag("--deterministic", options->deterministic,
                 "Bits that do not depend on how the prompt is cut");
  verb->callback([options, &exit_code] {
    if (const Result<void> result = WriteLogits(*options); !result) {
      log::error("{}", result.error().message);
      exit_code = 1;
    }
  });
}

}  // namespace holdfast
