#include "trainer/export.h"

#include <string>
#include <unordered_map>
#include <vector>

#include "json/json.h"
#include "kernels/bf16.h"
#include "kernels/train_ops.h"
#include "model/config.h"
#include "trainer/data/corpus_reader.h"
#include "weights/atomic_file.h"
#include "weights/safetensors_writer.h"

namespace holdfast::trainer {
namespace {

struct Source {
  const float* values = nullptr;
  std::int64_t count = 0;
};

struct TensorList {
  std::vector<weights::TensorSpec> specs;
  std::unordered_map<std::string, Source> sources;

  void Add(std::string name, std::int64_t rows, std::int64_t cols, const float* values) {
    weights::TensorSpec spec;
    spec.name = name;
    spec.dtype = cols == 0 ? tensor::DType::kF32 : tensor::DType::kBF16;
    spec.shape = cols == 0 ? tensor::Shape{rows} : tensor::Shape{rows, cols};
    sources[std::move(name)] = {.values = values, .count = cols == 0 ? rows : rows * cols};
    specs.push_back(std::move(spec));
  }
};

TensorList ListTensors(const TrainState& state) {
  const ParameterLayout& layout = state.layout();
  const model::ModelConfig& config = layout.config();
  const float* weights = state.weights().data();
  TensorList list;
  for (const Parameter& p : layout.parameters()) {
    list.Add(p.name, p.rows, p.cols, weights + p.offset);
  }
  for (std::size_t layer = 0; layer < layout.blocks().size(); ++layer) {
    const BlockOffsets& block = layout.blocks()[layer];
    if (!block.is_moe || config.topk_method != model::TopkMethod::kNoauxTc) continue;
    list.Add(fmt::format("model.layers.{}.mlp.gate.e_score_correction_bias", layer),
             config.n_routed_experts, 0,
             state.router_bias().data() + block.moe_index * config.n_routed_experts);
  }
  if (layout.has_mtp()) {
    // The module shares both with the trunk; the format wants its own copies.
    const std::string prefix = fmt::format("model.layers.{}.", config.num_hidden_layers);
    list.Add(prefix + "embed_tokens.weight", config.vocab_size, config.hidden_size,
             weights + layout.embedding());
    list.Add(prefix + "shared_head.head.weight", config.vocab_size, config.hidden_size,
             weights + layout.head());
  }
  return list;
}

Result<void> WriteTensors(const TrainState& state, const std::filesystem::path& path) {
  TensorList list = ListTensors(state);
  weights::SortForSafetensors(list.specs);
  TRY_ASSIGN(weights::SafetensorsWriter writer,
             weights::SafetensorsWriter::Create(path, list.specs));
  std::vector<kernels::Bf16> rounded;
  for (const weights::TensorSpec& spec : list.specs) {
    const Source& source = list.sources.at(spec.name);
    if (spec.dtype == tensor::DType::kF32) {
      TRY(writer.Write(
          std::as_bytes(std::span(source.values, static_cast<std::size_t>(source.count)))));
      continue;
    }
    rounded.resize(static_cast<std::size_t>(source.count));
    kernels::Convert(source.values, rounded.data(), source.count);
    TRY(writer.Write(std::as_bytes(std::span(rounded))));
  }
  return writer.Finish();
}

}  // namespace

Result<void> ExportHuggingFace(const TrainState& state, const std::filesystem::path& tokenizer,
                               const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return Fail(ErrorCode::kIo, "make {}: {}", dir.string(), error.message());
  json::Object config = model::WriteModelConfig(state.layout().config());
  config["torch_dtype"] = "bfloat16";
  TRY(weights::WriteWholeFile(dir / "config.json", json::Write(config) + "\n"));
  TRY(WriteTensors(state, dir / "model.safetensors"));
  if (tokenizer.empty()) return {};
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    TRY_ASSIGN(const std::string text, ReadPlainFile(tokenizer / name));
    TRY(weights::WriteWholeFile(dir / name, text));
  }
  return {};
}

}  // namespace holdfast::trainer
