#include "convert/convert.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "kernels/quant/quantize.h"
#include "weights/checkpoint.h"
#include "weights/safetensors_writer.h"

namespace holdfast::convert {
namespace {

namespace fs = std::filesystem;
using tensor::DType;
using tensor::TensorView;
using testing::HasSubstr;

// Fixtures of the parity tests: small random models of every shape.
const char* const kModels[] = {"dense", "v2-lite", "v3", "v3-odd"};

fs::path Model(std::string_view name) {
  return fs::path(HOLDFAST_SOURCE_DIR) / "tests/data/parity" / name;
}

std::vector<float> Values(const TensorView& view) {
  std::vector<float> values(static_cast<std::size_t>(view.shape.Count()));
  for (std::int64_t row = 0; row < view.Rows(); ++row) {
    kernels::DequantizeViewRow(view, row, values.data() + row * view.Cols());
  }
  return values;
}

double RelativeError(const TensorView& view, const TensorView& reference) {
  const std::vector<float> a = Values(view);
  const std::vector<float> b = Values(reference);
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double error = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += std::pow(static_cast<double>(a[i]) - b[i], 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(error / norm);
}

// JSON does not tell 40 from 40.0.
bool IsSameJson(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  if (!a.is_object() || !b.is_object()) return a == b;
  if (a.get_object().size() != b.get_object().size()) return false;
  for (const auto& [key, value] : a.get_object()) {
    const json::Value* other = b.get_object().if_contains(key);
    if (other == nullptr || !IsSameJson(value, *other)) return false;
  }
  return true;
}

class Conversion : public testing::Test {
 protected:
  Conversion()
      : directory_(fs::temp_directory_path() / fmt::format("holdfast-convert-{}", getpid())) {
    fs::create_directories(directory_);
  }
  ~Conversion() override { fs::remove_all(directory_); }

  Result<ConvertReport> Run(const fs::path& source, const fs::path& target,
                            std::optional<DType> type = {}, ConvertOptions options = {}) {
    options.format = FormatOfPath(target);
    options.type = type;
    return Convert(source, target, options, pool_);
  }

  fs::path directory_;
  parallel::ThreadPool pool_{2};
};

TEST_F(Conversion, ToGgufAndBackKeepsEveryValue) {
  for (const char* model : kModels) {
    const fs::path gguf = directory_ / (std::string(model) + ".gguf");
    const fs::path back = directory_ / model;
    const auto report = Run(Model(model), gguf);
    ASSERT_TRUE(report) << model << ": " << report.error().message;
    EXPECT_THAT(report->left_out, testing::IsEmpty());
    const auto second = Run(gguf, back);
    ASSERT_TRUE(second) << model << ": " << second.error().message;
    const auto original = weights::Checkpoint::Open(Model(model));
    const auto returned = weights::Checkpoint::Open(back);
    ASSERT_TRUE(original && returned);
    EXPECT_EQ((*original)->tensors().size(), (*returned)->tensors().size()) << model;
    for (const auto& tensor : (*original)->tensors()) {
      const auto view = (*returned)->Require(tensor.name, tensor.view.shape);
      ASSERT_TRUE(view) << model << ": " << view.error().message;
      EXPECT_EQ(Values(*view), Values(tensor.view)) << model << ": " << tensor.name;
    }
    for (const auto& [key, value] : (*original)->config()) {
      const json::Value* other = json::Find((*returned)->config(), key);
      // Keys that V2 lacks, or that mean nothing to a dense model, may be written or not.
      if (other != nullptr) {
        EXPECT_TRUE(IsSameJson(*other, value)) << model << ": " << key << " " << *other;
      }
    }
  }
}

TEST_F(Conversion, QuantizesWithinEachTypesError) {
  const struct {
    DType type;
    double error_max;
  } cases[] = {{DType::kF16, 5e-4},  {DType::kBF16, 3e-3}, {DType::kQ8_0, 8e-3},
               {DType::kQ4_0, 0.12}, {DType::kQ4_1, 0.12}, {DType::kQ5_0, 0.06},
               {DType::kQ5_1, 0.06}, {DType::kQ4_K, 0.12}, {DType::kQ6_K, 0.03}};
  const auto original = weights::Checkpoint::Open(Model("v3"));
  for (const auto& c : cases) {
    const fs::path target = directory_ / "q.gguf";
    const auto report = Run(Model("v3"), target, c.type, {.overwrite = true});
    ASSERT_TRUE(report) << report.error().message;
    const auto converted = weights::Checkpoint::Open(target);
    ASSERT_TRUE(converted);
    for (const auto& tensor : (*original)->tensors()) {
      const auto view = (*converted)->Find(tensor.name);
      if (!view) continue;  // kv_b, which is stored in halves.
      EXPECT_LE(RelativeError(*view, tensor.view), c.error_max)
          << tensor.name << " as " << tensor::DTypeName(c.type);
    }
  }
}

TEST_F(Conversion, Fp8KeepsScalesThatFit) {
  const fs::path fp8 = directory_ / "fp8";
  const auto report = Run(Model("v3"), fp8, DType::kF8E4M3);
  ASSERT_TRUE(report) << report.error().message;
  const auto original = weights::Checkpoint::Open(Model("v3"));
  const auto converted = weights::Checkpoint::Open(fp8);
  ASSERT_TRUE(converted) << converted.error().message;
  std::size_t fp8_count = 0;
  for (const auto& tensor : (*original)->tensors()) {
    const auto view = (*converted)->Require(tensor.name, tensor.view.shape);
    ASSERT_TRUE(view) << view.error().message;
    fp8_count += view->dtype == DType::kF8E4M3 ? 1 : 0;
    EXPECT_LE(RelativeError(*view, tensor.view), 0.04) << tensor.name;
  }
  EXPECT_GT(fp8_count, 50u);
  EXPECT_TRUE((*converted)->config().contains("quantization_config"));
}

TEST_F(Conversion, Fp8IsTakenOverByteForByte) {
  const fs::path copy = directory_ / "copy";
  const auto report = Run(Model("v3-fp8"), copy, DType::kF8E4M3);
  ASSERT_TRUE(report) << report.error().message;
  const auto original = weights::Checkpoint::Open(Model("v3-fp8"));
  const auto converted = weights::Checkpoint::Open(copy);
  ASSERT_TRUE(original && converted);
  for (const auto& tensor : (*original)->tensors()) {
    const auto view = (*converted)->Find(tensor.name);
    ASSERT_TRUE(view) << tensor.name;
    EXPECT_EQ(view->dtype, tensor.view.dtype);
    EXPECT_EQ(std::memcmp(view->data, tensor.view.data, view->Bytes()), 0) << tensor.name;
  }
}

TEST_F(Conversion, CutsLargeModelsIntoShards) {
  const fs::path target = directory_ / "sharded";
  const auto report = Run(Model("v3"), target, DType::kBF16, {.shard_bytes_max = 100'000});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(fs::exists(target / "model.safetensors.index.json"));
  EXPECT_FALSE(fs::exists(target / "model.safetensors"));
  std::size_t shards = 0;
  for (const auto& entry : fs::directory_iterator(target)) {
    if (entry.path().extension() != ".safetensors") continue;
    ++shards;
    EXPECT_LE(fs::file_size(entry), 140'000u);
  }
  EXPECT_GE(shards, 4u);
  EXPECT_TRUE(weights::Checkpoint::Open(target));
}

TEST_F(Conversion, ReportsProgressToTheEnd) {
  std::uint64_t bytes_done = 0;
  std::size_t calls = 0;
  Progress last;
  ConvertOptions options;
  options.progress = [&](const Progress& progress) {
    EXPECT_GT(progress.bytes_done, bytes_done);
    bytes_done = progress.bytes_done;
    last = progress;
    ++calls;
  };
  const auto report = Run(Model("dense"), directory_ / "d.gguf", {}, options);
  ASSERT_TRUE(report);
  EXPECT_EQ(calls, report->tensors);
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_EQ(last.bytes_done, report->bytes);
}

TEST_F(Conversion, RefusesWhatItMustNotDo) {
  const fs::path gguf = directory_ / "m.gguf";
  EXPECT_THAT(Run(Model("v3"), directory_ / "x", DType::kQ4_K).error().message,
              HasSubstr("safetensors has no type q4_k"));
  EXPECT_THAT(Run(Model("v3"), gguf, DType::kF8E4M3).error().message, HasSubstr("no type fp8"));
  ASSERT_TRUE(Run(Model("dense"), gguf));
  EXPECT_EQ(Run(Model("dense"), gguf).error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(Run(gguf, gguf, {}, {.overwrite = true}).error().message,
              HasSubstr("source and target are the same"));
  fs::create_directories(directory_ / "full");
  std::ofstream(directory_ / "full/file") << "mine";
  EXPECT_EQ(Run(gguf, directory_ / "full", {}, {.overwrite = true}).error().code,
            ErrorCode::kAlreadyExists);
  EXPECT_TRUE(fs::exists(directory_ / "full/file"));
}

TEST_F(Conversion, LeavesNothingBehindOnAFullDisk) {
  const fs::path gguf = directory_ / "m.gguf";
  fs::create_symlink("/dev/full", gguf.string() + ".partial");
  const auto report = Run(Model("v3"), gguf);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kDiskFull) << report.error().message;
  EXPECT_TRUE(fs::is_empty(directory_));
}

using Edit = std::function<bool(const std::string& name, std::vector<float>& values)>;

// Copies of fixtures with changed tensors.
class Edited : public Conversion {
 protected:
  // `edit` changes a tensor's values in place, or drops it by returning false.
  fs::path Rewrite(std::string_view model, const Edit& edit) {
    const auto source = weights::Checkpoint::Open(Model(model));
    fs::path target = directory_ / "edited";
    fs::create_directories(target);
    fs::copy_file(Model(model) / "config.json", target / "config.json",
                  fs::copy_options::overwrite_existing);
    std::vector<weights::TensorSpec> specs;
    std::vector<std::vector<float>> kept;
    for (const auto& tensor : (*source)->tensors()) {
      std::vector<float> values = Values(tensor.view);
      if (!edit(tensor.name, values)) continue;
      specs.push_back({tensor.name, DType::kF32, tensor.view.shape});
      kept.push_back(std::move(values));
    }
    auto writer = weights::SafetensorsWriter::Create(target / "model.safetensors", specs);
    for (const auto& values : kept) EXPECT_TRUE(writer->Write(std::as_bytes(std::span(values))));
    EXPECT_TRUE(writer->Finish());
    return target;
  }

  static Edit Poison(std::string_view poisoned, float value) {
    return [poisoned, value](const std::string& name, std::vector<float>& values) {
      if (name == poisoned) values[1] = value;
      return true;
    };
  }
};

TEST_F(Edited, BrokenSourcesAreNamed) {
  const fs::path gguf = directory_ / "m.gguf";
  constexpr std::string_view kName = "model.layers.0.self_attn.o_proj.weight";
  const fs::path incomplete =
      Rewrite("dense", [&](const std::string& name, auto&) { return name != kName; });
  EXPECT_THAT(Run(incomplete, gguf).error().message,
              HasSubstr("tensor 'model.layers.0.self_attn.o_proj.weight' is missing"));
  // The configuration does not say that the embedding is the output too.
  const fs::path headless =
      Rewrite("dense", [](const std::string& name, auto&) { return name != "lm_head.weight"; });
  EXPECT_THAT(Run(headless, gguf).error().message, HasSubstr("tensor 'lm_head.weight' is missing"));
  EXPECT_THAT(Run(Rewrite("dense", Poison(kName, NAN)), gguf, DType::kQ8_0).error().message,
              HasSubstr("'blk.0.attn_output.weight' has a value that is not finite"));
  EXPECT_FALSE(fs::exists(gguf));
}

TEST_F(Edited, ValuesThatATypeCannotHoldAreRefusedByName) {
  const fs::path gguf = directory_ / "m.gguf";
  constexpr std::string_view kName = "model.layers.0.self_attn.o_proj.weight";
  const struct {
    DType type;
    float largest;  // Held.
    float refused;
  } cases[] = {{DType::kF16, 65504.0f, 70000.0f}, {DType::kBF16, 1e38f, 3.4028e38f},
               {DType::kQ8_0, 8e6f, 1e7f},        {DType::kQ4_0, 5e5f, 1e7f},
               {DType::kQ4_1, 9e5f, 1e7f},        {DType::kQ5_0, 1e6f, 1e7f},
               {DType::kQ5_1, 1.9e6f, 1e7f}};
  for (const auto& c : cases) {
    const std::string name(tensor::DTypeName(c.type));
    const auto report =
        Run(Rewrite("v3", Poison(kName, c.refused)), gguf, c.type, {.overwrite = true});
    ASSERT_FALSE(report) << name;
    EXPECT_EQ(report.error().code, ErrorCode::kOutOfRange) << report.error().message;
    EXPECT_THAT(report.error().message, HasSubstr("tensor 'blk.0.attn_output.weight' has the"));
    EXPECT_THAT(report.error().message, HasSubstr("too large for " + name));
    EXPECT_FALSE(fs::exists(gguf)) << name;
    const auto held =
        Run(Rewrite("v3", Poison(kName, c.largest)), gguf, c.type, {.overwrite = true});
    ASSERT_TRUE(held) << name << ": " << held.error().message;
    const auto written = weights::Checkpoint::Open(gguf);
    EXPECT_NEAR(Values(*(*written)->Find(kName))[1], c.largest, 0.15 * c.largest) << name;
    fs::remove(gguf);
  }
}

TEST_F(Edited, GgufLeavesOutCopiesOfTheMainModelsTensors) {
  std::map<std::string, std::vector<float>> main;
  const fs::path source = Rewrite("v3", [&](const std::string& name, std::vector<float>& values) {
    if (name == "model.embed_tokens.weight") main["embed_tokens.weight"] = values;
    if (name == "lm_head.weight") main["shared_head.head.weight"] = values;
    return true;
  });
  Rewrite("v3", [&](const std::string& name, std::vector<float>& values) {
    for (const auto& [part, copy] : main) {
      if (name.starts_with("model.layers.") && name.ends_with("." + part)) values = copy;
    }
    return true;
  });
  const fs::path target = directory_ / "m.gguf";
  ASSERT_TRUE(Run(source, target));
  const auto converted = weights::Checkpoint::Open(target);
  for (const auto& tensor : (*converted)->tensors()) {
    EXPECT_THAT(tensor.name, testing::Not(HasSubstr("nextn.embed_tokens")));
    EXPECT_THAT(tensor.name, testing::Not(HasSubstr("nextn.shared_head_head")));
  }
  EXPECT_EQ((*converted)->config().at("num_nextn_predict_layers").as_int64(), 1);
  EXPECT_EQ((*converted)->Find("model.layers.3.embed_tokens.weight")->data,
            (*converted)->Find("model.embed_tokens.weight")->data);
}

TEST_F(Edited, AnnouncedButMissingModulesAreNotClaimed) {
  const fs::path source = Rewrite(
      "v3", [](const std::string& name, auto&) { return !name.starts_with("model.layers.3."); });
  const fs::path target = directory_ / "m.gguf";
  const auto report = Run(source, target);
  ASSERT_TRUE(report) << report.error().message;
  const auto converted = weights::Checkpoint::Open(target);
  EXPECT_EQ((*converted)->config().at("num_nextn_predict_layers").as_int64(), 0);
}

}  // namespace
}  // namespace holdfast::convert
