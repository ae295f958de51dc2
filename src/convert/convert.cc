#include "convert/convert.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "convert/hf_directory.h"
#include "convert/plan.h"
#include "convert/tensor_stream.h"
#include "convert/tokenizer_form.h"
#include "tensor/page_out.h"
#include "weights/gguf_config.h"
#include "weights/gguf_writer.h"

namespace holdfast::convert {
namespace {

namespace fs = std::filesystem;
using tensor::DType;

// Counts bytes and tells the caller's progress.
class Meter {
 public:
  Meter(const Plan& plan, const ConvertOptions& options) : options_(options) {
    progress_.tensor_count = plan.tensors.size();
    for (const OutputTensor& tensor : plan.tensors) progress_.bytes_total += tensor.spec.Bytes();
  }
  void Done(const weights::TensorSpec& spec) {
    progress_.tensor_name = spec.name;
    ++progress_.tensor_index;
    progress_.bytes_done += spec.Bytes();
    if (options_.progress) options_.progress(progress_);
  }
  std::uint64_t bytes() const { return progress_.bytes_done; }

 private:
  const ConvertOptions& options_;
  Progress progress_;
};

using Fingerprints = std::unordered_map<std::string, std::uint64_t>;

// The model's configuration as the target will state it: with the MTP modules that are there.
json::Object TargetConfig(const weights::Checkpoint& source, const Plan& plan) {
  json::Object config = source.config();
  if (json::Find(config, "num_nextn_predict_layers") != nullptr || plan.mtp_modules > 0) {
    config["num_nextn_predict_layers"] = plan.mtp_modules;
  }
  return config;
}

// What its owner calls the file.
std::string ModelName(const fs::path& target) { return target.stem().string(); }

// The type most bytes of the target have: what the file as a whole is called.
DType MainType(const Plan& plan) {
  std::map<DType, std::uint64_t> bytes;
  for (const OutputTensor& tensor : plan.tensors) bytes[tensor.spec.dtype] += tensor.spec.Bytes();
  DType main = DType::kF32;
  for (const auto& [dtype, count] : bytes) {
    if (count > bytes[main]) main = dtype;
  }
  return main;
}

struct Job {
  const weights::Checkpoint& source;
  const fs::path& target;
  const ConvertOptions& options;
  const Plan& plan;
  parallel::ThreadPool& pool;
};

Result<Fingerprints> WriteGguf(const Job& job, Meter& meter) {
  const json::Object config = TargetConfig(job.source, job.plan);
  TRY_ASSIGN(const std::int64_t vocab_size,
             json::RequireInt(config, "vocab_size", 1, std::int64_t{1} << 24));
  TRY_ASSIGN(const weights::TokenizerSource tokenizer,
             ToGgufTokenizer(job.source.tokenizer(), vocab_size));
  const std::string name = ModelName(job.target);
  TRY_ASSIGN(const weights::GgufMetadata metadata,
             weights::MakeGgufMetadata(
                 config, tokenizer,
                 {.model_name = name,
                  .file_type = GgufFileType(job.options.type.value_or(MainType(job.plan))),
                  .has_split_kv_b = true}));
  std::vector<weights::TensorSpec> specs;
  for (const OutputTensor& tensor : job.plan.tensors) specs.push_back(tensor.spec);
  TRY_ASSIGN(weights::GgufWriter writer,
             weights::GgufWriter::Create(job.target, metadata, std::move(specs)));
  Fingerprints fingerprints;
  for (const OutputTensor& tensor : job.plan.tensors) {
    TRY_ASSIGN(const Fingerprint fingerprint,
               StreamTensor(tensor, job.pool,
                            [&](std::span<const std::byte> bytes) { return writer.Write(bytes); }));
    fingerprints.emplace(tensor.spec.name, fingerprint.value());
    meter.Done(tensor.spec);
  }
  TRY(writer.Finish());
  return fingerprints;
}

Result<Fingerprints> WriteHf(const Job& job, Meter& meter) {
  TRY_ASSIGN(const TokenizerTexts tokenizer, ToHfTokenizer(job.source.tokenizer()));
  std::vector<weights::TensorSpec> specs;
  std::unordered_map<std::string_view, const OutputTensor*> tensors;
  for (const OutputTensor& tensor : job.plan.tensors) {
    specs.push_back(tensor.spec);
    tensors.emplace(tensor.spec.name, &tensor);
  }
  TRY_ASSIGN(HfDirectoryWriter writer,
             HfDirectoryWriter::Create(job.target, std::move(specs), job.options.shard_bytes_max));
  Fingerprints fingerprints;
  while (const weights::TensorSpec* spec = writer.Next()) {
    TRY_ASSIGN(const Fingerprint fingerprint,
               StreamTensor(*tensors.at(spec->name), job.pool,
                            [&](std::span<const std::byte> bytes) { return writer.Write(bytes); }));
    fingerprints.emplace(spec->name, fingerprint.value());
    meter.Done(*spec);
  }
  TRY(writer.Finish({.config = HfConfig(TargetConfig(job.source, job.plan), job.plan),
                     .tokenizer = tokenizer,
                     .eos_token_ids = job.source.tokenizer().eos_token_ids}));
  return fingerprints;
}

// Reads the target back and compares every tensor with what was meant.
Result<void> Verify(const Job& job, const Fingerprints& meant) {
  TRY_ASSIGN(const auto written, weights::Checkpoint::Open(job.target));
  std::unordered_map<std::string_view, const weights::NamedTensor*> tensors;
  for (const weights::NamedTensor& tensor : written->tensors()) {
    tensors.emplace(tensor.name, &tensor);
  }
  for (const OutputTensor& output : job.plan.tensors) {
    const auto found = tensors.find(output.spec.name);
    bool is_same = found != tensors.end() && tensors.size() == meant.size();
    if (is_same) {
      const tensor::TensorView& view = found->second->view;
      Fingerprint fingerprint;
      fingerprint.Add({view.data, view.Bytes()});
      tensor::PageOut({view.data, view.Bytes()});
      is_same = view.dtype == output.spec.dtype && view.shape == output.spec.shape &&
                fingerprint.value() == meant.at(output.spec.name);
    }
    if (!is_same) {
      return Fail(ErrorCode::kCorrupt, "{}: tensor '{}' does not read back as it was written",
                  job.target.string(), output.spec.name);
    }
  }
  return {};
}

Result<void> CheckTarget(const fs::path& source, const fs::path& target,
                         const ConvertOptions& options) {
  std::error_code error;
  if (!fs::exists(target, error)) return {};
  if (fs::equivalent(source, target, error)) {
    return Fail(ErrorCode::kInvalidArgument, "{}: source and target are the same", target.string());
  }
  const bool is_directory = fs::is_directory(target, error);
  if (is_directory && fs::is_empty(target, error)) return {};
  if (!options.overwrite) {
    return Fail(ErrorCode::kAlreadyExists, "{} exists already", target.string());
  }
  // A directory may hold anything; it is not ours to empty.
  if (is_directory) {
    return Fail(ErrorCode::kAlreadyExists, "{} is a directory that is not empty", target.string());
  }
  return {};
}

}  // namespace

Format FormatOfPath(const fs::path& target) {
  return target.extension() == ".gguf" ? Format::kGguf : Format::kSafetensors;
}

Result<ConvertReport> Convert(const fs::path& source, const fs::path& target,
                              const ConvertOptions& options, parallel::ThreadPool& pool) {
  const bool is_block_type = options.type && tensor::BlockElements(*options.type) > 1;
  if (options.format == Format::kSafetensors && is_block_type) {
    return Fail(ErrorCode::kInvalidArgument,
                "safetensors has no type {}; use f32, f16, bf16 or fp8",
                tensor::DTypeName(*options.type));
  }
  if (options.format == Format::kGguf && options.type == DType::kF8E4M3) {
    return Fail(ErrorCode::kInvalidArgument, "GGUF has no type fp8");
  }
  TRY_ASSIGN(const auto checkpoint, weights::Checkpoint::Open(source));
  TRY(CheckTarget(source, target, options));
  TRY_ASSIGN(const Plan plan, MakePlan(*checkpoint, options.format, options.type));
  Meter meter(plan, options);
  const Job job{*checkpoint, target, options, plan, pool};
  TRY_ASSIGN(const Fingerprints fingerprints,
             options.format == Format::kGguf ? WriteGguf(job, meter) : WriteHf(job, meter));
  TRY(Verify(job, fingerprints));
  const weights::TokenizerSource& tokenizer = checkpoint->tokenizer();
  return ConvertReport{
      .tensors = plan.tensors.size(),
      .bytes = meter.bytes(),
      .left_out = plan.left_out,
      .has_tokenizer = !tokenizer.tokens.empty() || !tokenizer.tokenizer_json.empty()};
}

}  // namespace holdfast::convert
