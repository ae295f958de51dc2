// What the verbs that write files leave behind on a full disk: whole files, the old ones, or none.
// The disk is a tmpfs that a ballast file fills up to several levels, from no room at all to nearly
// enough. Mounting it needs root; elsewhere the tests are skipped.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "crypto/digest.h"
#include "crypto/key_rotation.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::uint64_t kDiskBytes = 32u << 20;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kLevels = 6;

constexpr char kRecipe[] = R"(
name = "tiny"
threads = 2
lanes = 2
micro_batch_tokens = 64
checkpoint_minutes = 0
checkpoints_kept = 100
[model]
vocab_size = 300
hidden_size = 32
intermediate_size = 32
moe_intermediate_size = 16
num_hidden_layers = 2
first_k_dense_replace = 1
n_routed_experts = 4
num_experts_per_tok = 2
n_shared_experts = 1
num_attention_heads = 2
kv_lora_rank = 16
qk_nope_head_dim = 8
qk_rope_head_dim = 4
v_head_dim = 8
max_position_embeddings = 64
[[stage]]
name = "only"
tokens = 768
batch_tokens = 128
seq_len = 32
data = [ { set = "text.pretrain", epochs = 1 } ]
)";

struct Outcome {
  int status = 0;
  std::string log;
};

// Runs the binary to its end; arguments hold no character that is special to a shell.
Outcome RunVerb(const std::string& arguments) {
  std::FILE* pipe = ::popen(fmt::format("{} {} 2>&1", HOLDFAST_BINARY, arguments).c_str(), "r");
  CHECK(pipe != nullptr);
  Outcome outcome;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
    outcome.log.append(buffer, count);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

// All regular files below a folder: path relative to it, content.
std::map<std::string, std::string> ReadFolder(const fs::path& folder) {
  std::map<std::string, std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[fs::relative(entry.path(), folder).string()] = ReadFile(entry.path());
  }
  return files;
}

// What a folder's files take of a tmpfs.
std::uint64_t DiskBytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& [name, content] : ReadFolder(folder)) {
    bytes += (content.size() + kPageBytes - 1) / kPageBytes * kPageBytes;
  }
  return bytes;
}

class FullDiskTest : public ::testing::Test {
 protected:
  // The disk is seen by this process and its children alone and goes away with the last of them.
  static void SetUpTestSuite() {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      why_skipped_ = fmt::format("needs root, for a mount of its own: {}", std::strerror(errno));
    }
  }

  void SetUp() override {
    if (!why_skipped_.empty()) GTEST_SKIP() << why_skipped_;
    std::string name = (fs::temp_directory_path() / "holdfast-full-disk-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    disk_ = folder_ / "disk";
    fs::create_directory(disk_);
    const std::string size = fmt::format("size={}", kDiskBytes);
    if (::mount("tmpfs", disk_.c_str(), "tmpfs", 0, size.c_str()) != 0) {
      GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
    }
    WriteInputs();
  }

  void TearDown() override {
    if (folder_.empty()) return;
    ::umount2(disk_.c_str(), MNT_DETACH);
    fs::remove_all(folder_);
  }

  void WriteInputs() {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      text += fmt::format("Story {} of a fox, a river and {} stones.\n<|doc|>\n", i, i * 7);
    }
    fs::create_directory(folder_ / "corpora");
    std::ofstream(folder_ / "corpora" / "text.txt") << text;
    crypto::Sha256 digest;
    digest.Update(text);
    std::ofstream(folder_ / "data.toml") << fmt::format(
        "[vocabulary]\nsize = 300\n[heldout]\nshare = 0.1\n[dedup]\nnear = false\n"
        "[[source]]\nname = \"text\"\nfile = \"text.txt\"\nkind = \"text\"\nlicence = \"CC0\"\n"
        "origin = \"here\"\nsha256 = \"{}\"\nplain_bytes = {}\npretrain_epochs = 1\n",
        crypto::HexDigest(digest.Finish()), text.size());
    std::ofstream(folder_ / "recipe.toml") << kRecipe;
  }

  Outcome Prepare(const fs::path& out) const {
    return RunVerb(fmt::format("data prepare {0}/data.toml --corpora {0}/corpora --out {1}",
                               folder_.string(), out.string()));
  }
  Outcome Train(const fs::path& out, const std::string& more = "") const {
    return RunVerb(fmt::format("train {0}/recipe.toml --data {0}/data --out {1} {2}",
                               folder_.string(), out.string(), more));
  }
  // A trained model in <folder>/run/model.
  void MakeModel() const {
    ASSERT_EQ(Prepare(folder_ / "data").status, 0);
    const Outcome trained = Train(folder_ / "run");
    ASSERT_EQ(trained.status, 0) << trained.log;
  }

  // Leaves that much room on the disk.
  void FillDisk(std::uint64_t room_bytes) const {
    struct statvfs now {};
    CHECK(::statvfs(disk_.c_str(), &now) == 0);
    const std::uint64_t free_bytes = now.f_bavail * now.f_frsize;
    CHECK(free_bytes > room_bytes);
    const int fd = ::open((disk_ / "ballast").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK(::posix_fallocate(fd, 0, static_cast<off_t>(free_bytes - room_bytes)) == 0);
    ::close(fd);
  }
  void DropBallast() const { fs::remove(disk_ / "ballast"); }

  void ExpectRefusal(const Outcome& outcome) const {
    EXPECT_EQ(outcome.status, 1) << outcome.log;
    EXPECT_THAT(outcome.log, HasSubstr("No space left on device"));
    EXPECT_THAT(outcome.log, HasSubstr(disk_.string() + "/"));
  }

  static inline std::string why_skipped_;
  fs::path folder_;
  fs::path disk_;
};

TEST_F(FullDiskTest, PreparedFilesAreWholeOrNotThere) {
  ASSERT_EQ(Prepare(folder_ / "data").status, 0);
  const auto expected = ReadFolder(folder_ / "data");
  for (std::uint64_t level = 0; level < kLevels; ++level) {
    SCOPED_TRACE(level);
    FillDisk(DiskBytes(folder_ / "data") * level / kLevels);
    ExpectRefusal(Prepare(disk_ / "data"));
    for (const auto& [name, content] : ReadFolder(disk_ / "data")) {
      ASSERT_TRUE(expected.contains(name)) << name;
      EXPECT_EQ(content, expected.at(name)) << name;
      EXPECT_NE(name, "manifest.json");
    }
    DropBallast();
    fs::remove_all(disk_ / "data");
  }
}

TEST_F(FullDiskTest, TrainingGoesOnFromItsLastCheckpointOnceThereIsRoom) {
  MakeModel();
  const auto model = ReadFolder(folder_ / "run" / "model");
  ASSERT_EQ(Train(folder_ / "begun", "--steps 2").status, 0);
  const std::uint64_t missing_bytes = DiskBytes(folder_ / "run") - DiskBytes(folder_ / "begun");
  for (std::uint64_t level = 0; level < kLevels; ++level) {
    SCOPED_TRACE(level);
    fs::copy(folder_ / "begun", disk_ / "run", fs::copy_options::recursive);
    FillDisk(missing_bytes * level / kLevels);
    ExpectRefusal(Train(disk_ / "run", "--resume"));
    for (const auto& [name, content] : ReadFolder(disk_ / "run")) {
      EXPECT_FALSE(name.ends_with(".partial")) << name;
    }
    for (const auto& [name, content] : ReadFolder(disk_ / "run" / "model")) {
      EXPECT_EQ(content, model.at(name)) << name;
    }
    DropBallast();
    const Outcome resumed = Train(disk_ / "run", "--resume");
    EXPECT_EQ(resumed.status, 0) << resumed.log;
    EXPECT_THAT(resumed.log, HasSubstr("resuming from"));
    EXPECT_EQ(ReadFolder(disk_ / "run" / "model"), model);
    fs::remove_all(disk_ / "run");
  }
}

TEST_F(FullDiskTest, ConversionLeavesTheOldFileOrNothing) {
  MakeModel();
  const std::string source = (folder_ / "run" / "model").string();
  const auto convert = [&](const fs::path& target) {
    return RunVerb(fmt::format("convert {} {} --overwrite --type f32", source, target.string()));
  };
  for (const char* name : {"new.gguf", "new"}) {
    fs::create_directory(folder_ / "whole");
    const Outcome whole = convert(folder_ / "whole" / name);
    ASSERT_EQ(whole.status, 0) << whole.log;
    const std::uint64_t bytes = DiskBytes(folder_ / "whole");
    for (std::uint64_t level = 0; level < kLevels; ++level) {
      SCOPED_TRACE(fmt::format("{} {}", name, level));
      std::ofstream(disk_ / "new.gguf") << "old";
      FillDisk(bytes * level / kLevels);
      ExpectRefusal(convert(disk_ / name));
      DropBallast();
      EXPECT_EQ(ReadFolder(disk_), (std::map<std::string, std::string>{{"new.gguf", "old"}}));
      EXPECT_FALSE(fs::exists(disk_ / "new"));
    }
    fs::remove_all(folder_ / "whole");
  }
}

TEST_F(FullDiskTest, ABackupIsWholeOrNotThere) {
  constexpr int kAccounts = 300;
  const fs::path state = folder_ / "state", config = folder_ / "holdfast.toml";
  fs::create_directory(state);
  std::ofstream(config) << fmt::format("[up]\nstate_dir = \"{}\"\n", state.string());
  const auto run = [&](std::string_view verb) {
    return RunVerb(fmt::format("{} --config {}", verb, config.string()));
  };
  ASSERT_EQ(run("admin setup-link").status, 0);
  {
    const auto ring = crypto::OpenKeyRing({.ring = state / "keys",
                                           .instance_key = state / "instance.key",
                                           .credentials_folder = std::nullopt});
    ASSERT_TRUE(ring);
    for (int i = 0; i < kAccounts; ++i) ASSERT_TRUE((*ring)->Make(fmt::format("account-{}", i)));
  }
  fs::create_directory(folder_ / "whole");
  const auto backup = [&](const fs::path& file) { return run("backup " + file.string()); };
  const Outcome whole = backup(folder_ / "whole" / "a.db");
  ASSERT_EQ(whole.status, 0) << whole.log;
  const std::uint64_t bytes = DiskBytes(folder_ / "whole");
  for (std::uint64_t level = 0; level < kLevels; ++level) {
    SCOPED_TRACE(level);
    FillDisk(bytes * level / kLevels);
    const Outcome refused = backup(disk_ / "a.db");
    DropBallast();
    EXPECT_EQ(refused.status, 1) << refused.log;
    EXPECT_THAT(refused.log, HasSubstr(disk_.string() + "/a.db"));
    EXPECT_TRUE(ReadFolder(disk_).empty());
  }
  EXPECT_EQ(backup(disk_ / "a.db").status, 0);
}

}  // namespace
}  // namespace holdfast
