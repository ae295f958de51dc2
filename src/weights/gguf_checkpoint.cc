#include "weights/gguf_checkpoint.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tensor/mapped_file.h"
#include "weights/gguf_config.h"
#include "weights/gguf_reader.h"
#include "weights/limits.h"
#include "weights/tensor_names.h"

namespace holdfast::weights {
namespace {

using tensor::TensorView;

class GgufCheckpoint final : public Checkpoint {
 public:
  static Result<std::unique_ptr<Checkpoint>> Open(const std::filesystem::path& path) {
    auto checkpoint = std::make_unique<GgufCheckpoint>();
    const std::string file_name = path.string();
    TRY_ASSIGN(GgufContents contents, checkpoint->AddFile(path));
    TRY(checkpoint->AddParts(path, contents));
    TRY_ASSIGN(checkpoint->config_, ConfigFromGguf(contents, file_name));
    TRY_ASSIGN(checkpoint->tokenizer_, TokenizerFromGguf(contents.metadata, file_name));
    checkpoint->tensors_ = std::move(contents.tensors);
    TRY(checkpoint->IndexTensors(file_name));
    return checkpoint;
  }

  const json::Object& config() const override { return config_; }
  const TokenizerSource& tokenizer() const override { return tokenizer_; }
  std::string_view format() const override { return "gguf"; }
  const std::vector<NamedTensor>& tensors() const override { return tensors_; }

  std::optional<TensorView> Find(std::string_view name) const override {
    const auto found = index_.find(std::string(name));
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }

 private:
  Result<GgufContents> AddFile(const std::filesystem::path& path) {
    TRY_ASSIGN(tensor::MappedFile file, tensor::MappedFile::Open(path));
    TRY_ASSIGN(GgufContents contents, ReadGguf(file.bytes(), path.string()));
    files_.push_back(std::move(file));
    return contents;
  }

  // Large models come as "NAME-00001-of-00009.gguf" and so on: the first part has the metadata, all
  // have tensors. Appends the other parts' tensors to `contents`, which is the first part's.
  Result<void> AddParts(const std::filesystem::path& path, GgufContents& contents) {
    const std::int64_t count = SplitNumber(contents.metadata, "split.count");
    if (count <= 1) return {};
    if (count > static_cast<std::int64_t>(kShardCountMax)) {
      return Fail(ErrorCode::kTooLarge, "{}: {} parts are over the limit of {}", path.string(),
                  count, kShardCountMax);
    }
    const std::string suffix = fmt::format("-{:05}-of-{:05}.gguf", 1, count);
    std::string stem = path.string();
    if (SplitNumber(contents.metadata, "split.no") != 0 || !stem.ends_with(suffix)) {
      return Fail(ErrorCode::kInvalidArgument, "{}: one of {} parts; give the first, ...{}", stem,
                  count, suffix);
    }
    stem.resize(stem.size() - suffix.size());
    std::unordered_set<std::string> names;
    for (const NamedTensor& tensor : contents.tensors) names.insert(tensor.name);
    for (std::int64_t part = 2; part <= count; ++part) {
      const std::string part_name = fmt::format("{}-{:05}-of-{:05}.gguf", stem, part, count);
      TRY_ASSIGN(GgufContents more, AddFile(part_name));
      if (SplitNumber(more.metadata, "split.no") != part - 1 ||
          SplitNumber(more.metadata, "split.count") != count) {
        return Fail(ErrorCode::kCorrupt, "{}: not part {} of {}", part_name, part, count);
      }
      for (NamedTensor& tensor : more.tensors) {
        if (!names.insert(tensor.name).second || names.size() > kTensorCountMax) {
          return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is in two parts, or one of over {}",
                      part_name, tensor.name, kTensorCountMax);
        }
        contents.tensors.push_back(std::move(tensor));
      }
    }
    return {};
  }

  // 0 where the key is missing or no integer.
  static std::int64_t SplitNumber(const GgufMetadata& metadata, std::string_view key) {
    const GgufValue* value = FindValue(metadata, key);
    const auto* number = value == nullptr ? nullptr : std::get_if<std::int64_t>(&value->value);
    return number == nullptr ? 0 : *number;
  }

  Result<void> IndexTensors(std::string_view file_name) {
    std::size_t count = 0;
    for (const NamedTensor& tensor : tensors_) {
      if (const auto experts = ParseMergedExperts(tensor.name)) {
        count += tensor.view.shape.rank == 3 ? tensor.view.shape[0] : 1;
        if (count > kTensorCountMax) {
          return Fail(ErrorCode::kTooLarge, "{}: tensor '{}': more than {} expert matrices",
                      file_name, tensor.name, kTensorCountMax);
        }
        TRY(AddExperts(tensor, *experts, file_name));
      } else if (std::optional<std::string> name = HfName(tensor.name)) {
        TRY_ASSIGN(const TensorView view, ShapedView(tensor, *name, file_name));
        index_.insert_or_assign(std::move(*name), view);
      }
    }
    AddAliases();
    return {};
  }

  // [E, rows, cols] -> E matrices.
  Result<void> AddExperts(const NamedTensor& tensor, const MergedExperts& experts,
                          std::string_view file_name) {
    const tensor::Shape& shape = tensor.view.shape;
    if (shape.rank != 3) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' of experts has rank {}, expected 3",
                  file_name, tensor.name, shape.rank);
    }
    for (std::int64_t expert = 0; expert < shape[0]; ++expert) {
      TensorView view;
      view.dtype = tensor.view.dtype;
      view.shape = {shape[1], shape[2]};
      view.data = tensor.view.data + static_cast<std::size_t>(expert) * view.Bytes();
      index_.insert_or_assign(ExpertName(experts.layer, expert, experts.projection), view);
    }
    return {};
  }

  // The halves of kv_b are stored [H, rows, cols] or, by older writers, [H * rows, cols].
  Result<TensorView> ShapedView(const NamedTensor& tensor, std::string_view name,
                                std::string_view file_name) const {
    TensorView view = tensor.view;
    const bool is_half = name.ends_with(".k_b_proj.weight") || name.ends_with(".v_b_proj.weight");
    if (!is_half || view.shape.rank != 2) return view;
    const std::int64_t heads = config_.at("num_attention_heads").as_int64();
    if (view.shape[0] % heads != 0) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor '{}': {} rows are not a multiple of {} heads",
                  file_name, tensor.name, view.shape[0], heads);
    }
    view.shape = {heads, view.shape[0] / heads, view.shape[1]};
    return view;
  }

  // What GGUF leaves out because it is the same as another tensor.
  void AddAliases() {
    const auto alias = [this](const std::string& name, const std::string& target) {
      const auto found = index_.find(target);
      if (found != index_.end()) index_.emplace(name, TensorView(found->second));
    };
    alias("lm_head.weight", "model.embed_tokens.weight");
    const std::int64_t layers = config_.at("num_hidden_layers").as_int64();
    const std::int64_t modules = config_.at("num_nextn_predict_layers").as_int64();
    for (std::int64_t i = layers; i < layers + modules; ++i) {
      const std::string prefix = fmt::format("model.layers.{}.", i);
      if (!index_.contains(prefix + "eh_proj.weight")) continue;
      alias(prefix + "embed_tokens.weight", "model.embed_tokens.weight");
      alias(prefix + "shared_head.head.weight", "lm_head.weight");
    }
  }

  std::vector<tensor::MappedFile> files_;  // The parts in order; most models have one.
  json::Object config_;
  TokenizerSource tokenizer_;
  std::vector<NamedTensor> tensors_;
  std::unordered_map<std::string, TensorView> index_;
};

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenGguf(const std::filesystem::path& file) {
  return GgufCheckpoint::Open(file);
}

}  // namespace holdfast::weights
