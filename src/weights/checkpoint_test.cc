#include "weights/checkpoint.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace holdfast::weights {
namespace {

namespace fs = std::filesystem;

class CheckpointFolder : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Make(const char* name) const { std::ofstream(folder_ / name) << "{}"; }

  const fs::path folder_ = fs::path(testing::TempDir()) / "checkpoint_folder";
};

TEST_F(CheckpointFolder, StandsForTheOneModelInIt) {
  EXPECT_FALSE(Checkpoint::Resolve(folder_));
  Make("model.gguf");
  Make("README.md");
  EXPECT_EQ(*Checkpoint::Resolve(folder_), folder_ / "model.gguf");
  Make("other.gguf");
  EXPECT_FALSE(Checkpoint::Resolve(folder_));
  Make("config.json");
  EXPECT_EQ(*Checkpoint::Resolve(folder_), folder_);
}

TEST_F(CheckpointFolder, OfAModelInPartsTheFirstStandsForAll) {
  for (const char* name :
       {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"}) {
    Make(name);
  }
  EXPECT_EQ(*Checkpoint::Resolve(folder_), folder_ / "m-00001-of-00003.gguf");
}

TEST_F(CheckpointFolder, FilesStandForThemselves) {
  EXPECT_EQ(*Checkpoint::Resolve(folder_ / "any.gguf"), folder_ / "any.gguf");
  EXPECT_FALSE(Checkpoint::Open(folder_ / "any.gguf"));
}

}  // namespace
}  // namespace holdfast::weights
