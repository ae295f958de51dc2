#include "convert/convert.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "convert/hf_directory.h"
#include "convert/plan.h"
#include "convert/read_back.h"
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

// The configuration file of a Hugging Face target: the source's own, with the MTP modules that are
// there.
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
  const model::ModelConfig& config;  // Of the target: with the MTP modules that are there.
  parallel::ThreadPool& pool;
};

// Fails where these metadata would not read back as the model that is meant, before anything is
// written.
Result<void> CheckMetadata(const Job& job, const weights::GgufMetadata& metadata) {
  weights::GgufContents contents{.metadata = metadata, .tensors = {}};
  for (const OutputTensor& tensor : job.plan.tensors) {
    contents.tensors.push_back(
        {tensor.spec.name, {.dtype = tensor.spec.dtype, .shape = tensor.spec.shape}});
  }
  const std::string name = job.target.string();
  TRY_ASSIGN(const json::Object object, weights::ConfigFromGguf(contents, name));
  TRY_ASSIGN(const model::ModelConfig stated, model::ParseModelConfig(object));
  return CheckSameModel(job.config, stated, name);
}

Result<Fingerprints> WriteGguf(const Job& job, Meter& meter) {
  TRY_ASSIGN(const weights::TokenizerSource tokenizer,
             ToGgufTokenizer(job.source.tokenizer(), job.config.vocab_size));
  const std::string name = ModelName(job.target);
  TRY_ASSIGN(const weights::GgufMetadata metadata,
             weights::MakeGgufMetadata(
                 model::WriteModelConfig(job.config), tokenizer,
                 {.model_name = name,
                  .file_type = GgufFileType(job.options.type.value_or(MainType(job.plan))),
                  .has_split_kv_b = true}));
  TRY(CheckMetadata(job, metadata));
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

// The target's tokenizer must be one that we can read, and know every end id of the source.
Result<void> CheckTokenizer(const Job& job, const weights::Checkpoint& written) {
  const weights::TokenizerSource& source = job.source.tokenizer();
  const std::vector<std::int64_t>& found = written.tokenizer().eos_token_ids;
  for (const std::int64_t id : source.eos_token_ids) {
    if (std::ranges::find(found, id) != found.end()) continue;
    return Fail(ErrorCode::kCorrupt, "{}: end id {} does not read back", job.target.string(), id);
  }
  if (source.tokens.empty() && source.tokenizer_json.empty()) return {};
  TRY(TokenizerSpec(written.tokenizer()));
  return {};
}

Result<void> CheckTensors(const Job& job, const weights::Checkpoint& written,
                          const Fingerprints& meant) {
  std::unordered_map<std::string_view, const weights::NamedTensor*> tensors;
  for (const weights::NamedTensor& tensor : written.tensors()) {
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

// Small models are run, where the target holds the very values of the source; what another type
// changes is no error.
bool HasComparableLogits(const Job& job) {
  std::uint64_t bytes = 0;
  for (const OutputTensor& tensor : job.plan.tensors) bytes += tensor.spec.Bytes();
  return bytes <= kLogitsBytesMax && std::ranges::all_of(job.plan.tensors, &OutputTensor::IsExact);
}

// True if the comparison included the logits.
Result<bool> ReadBack(const Job& job, const Fingerprints& meant) {
  TRY_ASSIGN(const auto written, weights::Checkpoint::Open(job.target));
  TRY(CheckTensors(job, *written, meant));
  TRY(CheckTokenizer(job, *written));
  TRY_ASSIGN(const model::ModelConfig stated, model::ParseModelConfig(written->config()));
  TRY(CheckSameModel(job.config, stated, job.target.string()));
  if (!HasComparableLogits(job)) return false;
  TRY(CheckSameLogits(job.source, *written, job.pool, job.target.string()));
  return true;
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
  TRY_ASSIGN(model::ModelConfig config, model::ParseModelConfig(checkpoint->config()));
  TRY_ASSIGN(const Plan plan, MakePlan(*checkpoint, config, options.format, options.type));
  config.num_nextn_predict_layers = plan.mtp_modules;
  Meter meter(plan, options);
  const Job job{*checkpoint, target, options, plan, config, pool};
  TRY_ASSIGN(const Fingerprints fingerprints,
             options.format == Format::kGguf ? WriteGguf(job, meter) : WriteHf(job, meter));
  const Result<bool> has_compared_logits = ReadBack(job, fingerprints);
  if (!has_compared_logits) {
    std::error_code ignored;
    fs::remove_all(target, ignored);
    return Fail(has_compared_logits.error());
  }
  const weights::TokenizerSource& tokenizer = checkpoint->tokenizer();
  return ConvertReport{
      .tensors = plan.tensors.size(),
      .bytes = meter.bytes(),
      .left_out = plan.left_out,
      .has_tokenizer = !tokenizer.tokens.empty() || !tokenizer.tokenizer_json.empty(),
      .has_compared_logits = *has_compared_logits};
}

}  // namespace holdfast::convert
