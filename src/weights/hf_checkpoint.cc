#include "weights/hf_checkpoint.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/aligned_buffer.h"
#include "tensor/mapped_file.h"
#include "weights/limits.h"
#include "weights/safetensors_reader.h"

namespace holdfast::weights {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScaleSuffix = "_scale_inv";

Result<std::string> ReadText(const fs::path& path, std::size_t bytes_max) {
  TRY_ASSIGN(const tensor::MappedFile file, tensor::MappedFile::Open(path));
  if (file.bytes().size() > bytes_max) {
    return Fail(ErrorCode::kTooLarge, "{}: {} bytes are over the limit of {}", path.string(),
                file.bytes().size(), bytes_max);
  }
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

Result<std::string> ReadTextIfThere(const fs::path& path, std::size_t bytes_max) {
  Result<std::string> text = ReadText(path, bytes_max);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
  return text;
}

Result<json::Object> ParseObject(std::string_view text, std::size_t bytes_max,
                                 const fs::path& path) {
  Result<json::Value> value = json::Parse(text, {.text_bytes_max = bytes_max});
  if (!value) {
    return Fail(value.error().code, "{}: {}", path.string(), value.error().message);
  }
  if (!value->is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: not a JSON object", path.string());
  }
  return std::move(value->get_object());
}

// Token ids of `key`: one integer or an array of them.
std::vector<std::int64_t> ReadTokenIds(const json::Object& object, std::string_view key) {
  std::vector<std::int64_t> ids;
  const json::Value* value = json::Find(object, key);
  if (value == nullptr) return ids;
  const auto add = [&ids](const json::Value& item) {
    if (!item.is_int64() || item.get_int64() < 0 || ids.size() == kEndIdsKeptMax) return;
    ids.push_back(item.get_int64());
  };
  add(*value);
  if (value->is_array()) {
    for (const json::Value& item : value->get_array()) add(item);
  }
  return ids;
}

// The shards that the index lists, each once, in the order of first mention. A name is a plain file
// name: an index must not reach out of its directory.
Result<std::vector<std::string>> ReadShardNames(const fs::path& path) {
  TRY_ASSIGN(const std::string text, ReadText(path, kIndexBytesMax));
  TRY_ASSIGN(const json::Object index, ParseObject(text, kIndexBytesMax, path));
  const json::Value* map = json::Find(index, "weight_map");
  if (map == nullptr || !map->is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: weight_map is not an object", path.string());
  }
  std::vector<std::string> names;
  for (const auto& [tensor_name, value] : map->get_object()) {
    if (!value.is_string()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: weight_map of '{}' is not a file name",
                  path.string(), std::string_view(tensor_name));
    }
    const std::string name(value.get_string());
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "{}: shard '{}' is not a plain file name",
                  path.string(), name);
    }
    // Tensors of one shard mostly follow each other.
    if (!names.empty() && names.back() == name) continue;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    if (names.size() == kShardCountMax) {
      return Fail(ErrorCode::kTooLarge, "{}: more than {} shards", path.string(), kShardCountMax);
    }
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class HfCheckpoint final : public Checkpoint {
 public:
  static Result<std::unique_ptr<Checkpoint>> Open(const fs::path& directory,
                                                  const std::vector<std::string>& shards) {
    auto checkpoint = std::make_unique<HfCheckpoint>();
    TRY(checkpoint->ReadConfig(directory));
    for (const std::string& shard : shards) TRY(checkpoint->AddShard(directory / shard));
    TRY(checkpoint->IndexTensors(directory));
    TRY(checkpoint->ReadTokenizer(directory));
    return checkpoint;
  }

  const json::Object& config() const override { return config_; }
  const TokenizerSource& tokenizer() const override { return tokenizer_; }
  std::string_view format() const override { return "safetensors"; }
  const std::vector<NamedTensor>& tensors() const override { return tensors_; }

  std::optional<tensor::TensorView> Find(std::string_view name) const override {
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    return tensors_[found->second].view;
  }

 private:
  Result<void> ReadConfig(const fs::path& directory) {
    const fs::path path = directory / "config.json";
    TRY_ASSIGN(const std::string text, ReadText(path, kConfigBytesMax));
    TRY_ASSIGN(config_, ParseObject(text, kConfigBytesMax, path));
    return {};
  }

  Result<void> AddShard(const fs::path& path) {
    TRY_ASSIGN(tensor::MappedFile file, tensor::MappedFile::Open(path));
    TRY_ASSIGN(std::vector<NamedTensor> tensors, ReadSafetensors(file.bytes(), path.string()));
    if (tensors_.size() + tensors.size() > kTensorCountMax) {
      return Fail(ErrorCode::kTooLarge, "{}: more than {} tensors", path.string(), kTensorCountMax);
    }
    for (NamedTensor& tensor : tensors) Realign(tensor.view);
    std::move(tensors.begin(), tensors.end(), std::back_inserter(tensors_));
    files_.push_back(std::move(file));
    return {};
  }

  // Writers that put tensors of odd size before wider elements leave those where no typed pointer
  // may read; such a tensor is copied.
  void Realign(tensor::TensorView& view) {
    if (view.Bytes() == 0) return;
    if (reinterpret_cast<std::uintptr_t>(view.data) % tensor::BlockBytes(view.dtype) == 0) return;
    tensor::AlignedBuffer<std::byte> copy(view.Bytes());
    std::memcpy(copy.data(), view.data, view.Bytes());
    view.data = copy.data();
    realigned_.push_back(std::move(copy));
  }

  // Makes names findable and gives FP8 matrices their scales.
  Result<void> IndexTensors(const fs::path& directory) {
    index_.reserve(tensors_.size());
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (!index_.emplace(tensors_[i].name, i).second) {
        return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is in two shards", directory.string(),
                    tensors_[i].name);
      }
    }
    for (NamedTensor& tensor : tensors_) {
      if (tensor.view.dtype != tensor::DType::kF8E4M3) continue;
      const std::string scale_name = tensor.name + std::string(kScaleSuffix);
      if (tensor.view.shape.rank != 2) {
        return Fail(ErrorCode::kUnsupported, "{}: tensor '{}': FP8 of rank {}, expected 2",
                    directory.string(), tensor.name, tensor.view.shape.rank);
      }
      const tensor::Shape blocks{(tensor.view.shape[0] + 127) / 128,
                                 (tensor.view.shape[1] + 127) / 128};
      Result<tensor::TensorView> scale = Require(scale_name, blocks);
      if (!scale) {
        return Fail(scale.error().code, "{}: {}", directory.string(), scale.error().message);
      }
      if (scale->dtype != tensor::DType::kF32) {
        return Fail(ErrorCode::kUnsupported, "{}: tensor '{}' is {}, expected f32",
                    directory.string(), scale_name, tensor::DTypeName(scale->dtype));
      }
      tensor.view.block_scale = reinterpret_cast<const float*>(scale->data);
    }
    return {};
  }

  Result<void> ReadTokenizer(const fs::path& directory) {
    TRY_ASSIGN(tokenizer_.tokenizer_json,
               ReadTextIfThere(directory / "tokenizer.json", kTokenizerBytesMax));
    TRY_ASSIGN(tokenizer_.tokenizer_config_json,
               ReadTextIfThere(directory / "tokenizer_config.json", kConfigBytesMax));
    // Newer checkpoints keep the template in a file of its own.
    TRY_ASSIGN(tokenizer_.chat_template,
               ReadTextIfThere(directory / "chat_template.jinja", kConfigBytesMax));
    const fs::path generation_path = directory / "generation_config.json";
    TRY_ASSIGN(const std::string generation_text,
               ReadTextIfThere(generation_path, kConfigBytesMax));
    json::Object generation;
    if (!generation_text.empty()) {
      TRY_ASSIGN(generation, ParseObject(generation_text, kConfigBytesMax, generation_path));
    }
    for (const std::string_view key : {"bos_token_id", "eos_token_id"}) {
      std::vector<std::int64_t> ids = ReadTokenIds(config_, key);
      for (std::int64_t id : ReadTokenIds(generation, key)) {
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
      }
      if (ids.empty()) continue;
      // One integer, so that readers of the configuration need not know of lists.
      config_[key] = ids.front();
      if (key == "bos_token_id") {
        tokenizer_.bos_token_id = ids.front();
      } else {
        tokenizer_.eos_token_id = ids.front();
        tokenizer_.eos_token_ids = std::move(ids);
      }
    }
    return {};
  }

  json::Object config_;
  TokenizerSource tokenizer_;
  std::vector<tensor::MappedFile> files_;
  std::vector<tensor::AlignedBuffer<std::byte>> realigned_;
  std::vector<NamedTensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // Keys borrow from tensors_.
};

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenHfDirectory(const fs::path& directory) {
  const fs::path index_path = directory / "model.safetensors.index.json";
  std::error_code error;
  if (fs::exists(index_path, error)) {
    TRY_ASSIGN(const std::vector<std::string> shards, ReadShardNames(index_path));
    return HfCheckpoint::Open(directory, shards);
  }
  return HfCheckpoint::Open(directory, {"model.safetensors"});
}

Result<std::unique_ptr<Checkpoint>> OpenSafetensorsFile(const fs::path& file) {
  return HfCheckpoint::Open(file.parent_path(), {file.filename().string()});
}

}  // namespace holdfast::weights
