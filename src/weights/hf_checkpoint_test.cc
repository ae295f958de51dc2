#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "weights/checkpoint.h"

namespace holdfast::weights {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class HfDirectory : public testing::Test {
 protected:
  HfDirectory() {
    directory_ = fs::temp_directory_path() / ("holdfast-hf-" + std::to_string(getpid()));
    fs::create_directories(directory_);
    Write("config.json", R"({"model_type": "deepseek_v3", "bos_token_id": 0, "eos_token_id": 1})");
  }
  ~HfDirectory() override { fs::remove_all(directory_); }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
  }

  static std::string Safetensors(std::string header, const std::string& data) {
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = header.size();
    std::string file(reinterpret_cast<const char*>(&length), sizeof length);
    return file + header + data;
  }

  fs::path directory_;
};

std::string Floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST_F(HfDirectory, OffersTensorsThatBeginBetweenElements) {
  const float value = 2.5f;
  const std::int64_t number = 1234567890123;
  std::string data = "h";
  data.append(reinterpret_cast<const char*>(&value), sizeof value);
  data.append(reinterpret_cast<const char*>(&number), sizeof number);
  Write("model.safetensors",
        Safetensors(R"({"a":{"dtype":"F8_E4M3","shape":[1,1],"data_offsets":[0,1]},
                        "a_scale_inv":{"dtype":"F32","shape":[1,1],"data_offsets":[1,5]},
                        "b":{"dtype":"I64","shape":[1],"data_offsets":[5,13]}})",
                    data));
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const auto a = (*checkpoint)->Require("a", {1, 1});
  ASSERT_TRUE(a);
  EXPECT_EQ(*a->block_scale, value);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a->block_scale) % sizeof(float), 0u);
  const auto b = (*checkpoint)->Require("b", {1});
  ASSERT_TRUE(b);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b->data) % sizeof number, 0u);
  EXPECT_EQ(*reinterpret_cast<const std::int64_t*>(b->data), number);
}

TEST_F(HfDirectory, OffersTensorsOfOneFile) {
  Write("model.safetensors", Safetensors(R"({"__metadata__":{"format":"pt"},
                        "b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},
                        "a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})",
                                         Floats({1.5f, -2.0f, 0.0f})));
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ((*checkpoint)->format(), "safetensors");
  ASSERT_EQ((*checkpoint)->tensors().size(), 2u);
  EXPECT_EQ((*checkpoint)->tensors()[0].name, "a");
  const auto a = (*checkpoint)->Require("a", {1, 2});
  ASSERT_TRUE(a);
  EXPECT_EQ(reinterpret_cast<const float*>(a->data)[1], -2.0f);
  EXPECT_FALSE((*checkpoint)->Find("c"));
  EXPECT_EQ((*checkpoint)->Require("c", {1}).error().code, ErrorCode::kNotFound);
  const auto wrong = (*checkpoint)->Require("a", {2, 1});
  EXPECT_THAT(wrong.error().message, HasSubstr("[1, 2], expected [2, 1]"));
}

TEST_F(HfDirectory, JoinsTheShardsOfAnIndex) {
  Write("one.safetensors",
        Safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", Floats({1.0f})));
  Write("two.safetensors",
        Safetensors(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", Floats({2.0f})));
  Write("model.safetensors.index.json",
        R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(reinterpret_cast<const float*>((*checkpoint)->Find("b")->data)[0], 2.0f);
}

TEST_F(HfDirectory, RefusesATensorInTwoShards) {
  const std::string shard =
      Safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", Floats({1.0f}));
  Write("one.safetensors", shard);
  Write("two.safetensors", shard);
  Write("model.safetensors.index.json",
        R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  EXPECT_THAT(Checkpoint::Open(directory_).error().message, HasSubstr("'a' is in two shards"));
}

TEST_F(HfDirectory, RefusesAnIndexThatReachesOutOfTheDirectory) {
  for (const char* name : {"../one.safetensors", "/etc/passwd", "..", ""}) {
    Write("model.safetensors.index.json", R"({"weight_map": {"a": ")" + std::string(name) + "\"}}");
    EXPECT_THAT(Checkpoint::Open(directory_).error().message, HasSubstr("not a plain file name"));
  }
}

TEST_F(HfDirectory, GivesFp8MatricesTheirScales) {
  const std::string header =
      R"({"w":{"dtype":"F8_E4M3","shape":[2,4],"data_offsets":[4,12]},
          "w_scale_inv":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}})";
  Write("model.safetensors", Safetensors(header, Floats({0.5f}) + std::string(8, '\x38')));
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_NE((*checkpoint)->Find("w")->block_scale, nullptr);
  EXPECT_EQ(*(*checkpoint)->Find("w")->block_scale, 0.5f);

  Write("model.safetensors",
        Safetensors(R"({"w":{"dtype":"F8_E4M3","shape":[2,4],"data_offsets":[0,8]}})",
                    std::string(8, '\x38')));
  EXPECT_THAT(Checkpoint::Open(directory_).error().message, HasSubstr("'w_scale_inv' is missing"));
}

TEST_F(HfDirectory, ReadsEndOfGenerationIdsFromBothFiles) {
  Write("model.safetensors", Safetensors("{}", ""));
  Write("generation_config.json", R"({"eos_token_id": [5, 1, 7]})");
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ((*checkpoint)->tokenizer().eos_token_id, 1);
  EXPECT_THAT((*checkpoint)->tokenizer().eos_token_ids, testing::ElementsAre(1, 5, 7));
  EXPECT_EQ((*checkpoint)->config().at("eos_token_id").as_int64(), 1);
}

TEST_F(HfDirectory, NamesTheMissingFile) {
  EXPECT_THAT(Checkpoint::Open(directory_).error().message, HasSubstr("model.safetensors"));
  fs::remove(directory_ / "config.json");
  EXPECT_THAT(Checkpoint::Open(directory_).error().message, HasSubstr("config.json"));
  EXPECT_EQ(Checkpoint::Open(directory_ / "absent").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::weights
