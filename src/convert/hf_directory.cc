#include "convert/hf_directory.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/check.h"
#include "weights/atomic_file.h"
#include "weights/limits.h"

namespace holdfast::convert {
namespace {

namespace fs = std::filesystem;
using tensor::DType;
using weights::TensorSpec;

// Cuts the list into files of at most `bytes_max`, in order.
std::vector<std::vector<TensorSpec>> CutIntoShards(std::vector<TensorSpec> specs,
                                                   std::uint64_t bytes_max) {
  std::vector<std::vector<TensorSpec>> shards(1);
  std::uint64_t bytes = 0;
  for (TensorSpec& spec : specs) {
    if (!shards.back().empty() && bytes + spec.Bytes() > bytes_max) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += spec.Bytes();
    shards.back().push_back(std::move(spec));
  }
  for (auto& shard : shards) weights::SortForSafetensors(shard);
  return shards;
}

Error FileError(const fs::path& path, const std::error_code& error) {
  errno = error.value();
  return ErrnoError(path.string());
}

std::string_view TorchDType(DType dtype) {
  if (dtype == DType::kF32) return "float32";
  return dtype == DType::kF16 ? "float16" : "bfloat16";
}

}  // namespace

json::Object HfConfig(json::Object config, const Plan& plan) {
  config.erase("quantization_config");
  DType main_type = DType::kF32;
  std::uint64_t main_bytes = 0;
  bool has_fp8 = false;
  for (const OutputTensor& tensor : plan.tensors) {
    has_fp8 |= tensor.spec.dtype == DType::kF8E4M3;
    if (tensor.spec.dtype == DType::kF8E4M3 || tensor.spec.Bytes() <= main_bytes) continue;
    main_type = tensor.spec.dtype;
    main_bytes = tensor.spec.Bytes();
  }
  config["torch_dtype"] = TorchDType(main_type);
  if (has_fp8) {
    config["quantization_config"] = {{"activation_scheme", "dynamic"},
                                     {"fmt", "e4m3"},
                                     {"quant_method", "fp8"},
                                     {"weight_block_size", {128, 128}}};
  }
  return config;
}

Result<HfDirectoryWriter> HfDirectoryWriter::Create(const fs::path& target,
                                                    std::vector<TensorSpec> specs,
                                                    std::uint64_t shard_bytes_max) {
  const fs::path clean = target.has_filename() ? target : target.parent_path();
  fs::path partial = clean.string() + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return Fail(FileError(partial, error));
  std::vector<Shard> shards = CutIntoShards(std::move(specs), shard_bytes_max);
  CHECK(shards.size() <= weights::kShardCountMax);
  HfDirectoryWriter writer(clean, std::move(partial), std::move(shards));
  TRY(writer.OpenShard());
  return writer;
}

HfDirectoryWriter::HfDirectoryWriter(HfDirectoryWriter&& other) noexcept
    : target_(std::move(other.target_)),
      partial_(std::exchange(other.partial_, {})),
      shards_(std::move(other.shards_)),
      shard_(other.shard_),
      tensor_(other.tensor_),
      open_shard_(other.open_shard_),
      writer_(std::move(other.writer_)) {}

HfDirectoryWriter::~HfDirectoryWriter() {
  if (partial_.empty()) return;
  writer_.reset();
  std::error_code error;
  fs::remove_all(partial_, error);
}

std::string HfDirectoryWriter::ShardName(std::size_t shard) const {
  if (shards_.size() == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards_.size());
}

Result<void> HfDirectoryWriter::OpenShard() {
  if (writer_) TRY(writer_->Finish());
  TRY_ASSIGN(weights::SafetensorsWriter writer,
             weights::SafetensorsWriter::Create(partial_ / ShardName(shard_), shards_[shard_]));
  writer_.emplace(std::move(writer));
  open_shard_ = shard_;
  return {};
}

const TensorSpec* HfDirectoryWriter::Next() {
  while (shard_ < shards_.size() && tensor_ == shards_[shard_].size()) {
    ++shard_;
    tensor_ = 0;
  }
  if (shard_ == shards_.size()) return nullptr;
  return &shards_[shard_][tensor_++];
}

Result<void> HfDirectoryWriter::Write(std::span<const std::byte> bytes) {
  if (open_shard_ != shard_) TRY(OpenShard());
  return writer_->Write(bytes);
}

std::string HfDirectoryWriter::IndexText() const {
  json::Object map;
  std::uint64_t bytes = 0;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    for (const TensorSpec& spec : shards_[shard]) {
      map[spec.name] = ShardName(shard);
      bytes += spec.Bytes();
    }
  }
  return json::Write(
      json::Object{{"metadata", {{"total_size", bytes}}}, {"weight_map", std::move(map)}});
}

Result<void> HfDirectoryWriter::WriteText(const char* name, const std::string& text) const {
  if (text.empty()) return {};
  return weights::WriteWholeFile(partial_ / name, text);
}

Result<void> HfDirectoryWriter::Finish(const HfTexts& texts) {
  TRY(writer_->Finish());
  writer_.reset();
  if (shards_.size() > 1) TRY(WriteText("model.safetensors.index.json", IndexText()));
  TRY(WriteText("config.json", json::Write(texts.config)));
  TRY(WriteText("tokenizer.json", texts.tokenizer.tokenizer_json));
  TRY(WriteText("tokenizer_config.json", texts.tokenizer.tokenizer_config_json));
  TRY(WriteText("chat_template.jinja", texts.tokenizer.chat_template));
  if (!texts.eos_token_ids.empty()) {
    json::Array ids(texts.eos_token_ids.begin(), texts.eos_token_ids.end());
    TRY(WriteText("generation_config.json",
                  json::Write(json::Object{{"eos_token_id", std::move(ids)}})));
  }
  std::error_code error;
  fs::rename(partial_, target_, error);  // Replaces an empty directory.
  if (error) return Fail(FileError(target_, error));
  partial_.clear();
  return {};
}

}  // namespace holdfast::convert
