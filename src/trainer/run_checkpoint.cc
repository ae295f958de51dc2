#include "trainer/run_checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>

#include "base/log.h"
#include "crypto/digest.h"
#include "tensor/mapped_file.h"
#include "weights/atomic_file.h"

namespace holdfast::trainer {
namespace {

constexpr std::string_view kMagic = "HFRUNCK1";
constexpr std::uint64_t kHeaderBytesMax = 1u << 20;
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".ckpt";

// Names, kinds and shapes of all weights: a checkpoint fits a state when these agree.
std::string LayoutFingerprint(const ParameterLayout& layout) {
  crypto::Blake2b hash;
  for (const Parameter& p : layout.parameters()) {
    hash.Update(fmt::format("{} {} {} {}\n", p.name, p.rows, p.cols, p.offset));
  }
  return crypto::HexDigest(hash.Finish());
}

// Sends the same bytes to the file and to its checksum.
class HashedWriter {
 public:
  explicit HashedWriter(weights::AtomicFile& file) : file_(file) {}
  Result<void> Write(std::span<const std::byte> bytes) {
    hash_.Update(bytes);
    return file_.Write(bytes);
  }
  Result<void> Write(std::string_view text) { return Write(std::as_bytes(std::span(text))); }
  Result<void> Finish() {
    const crypto::Digest256 digest = hash_.Finish();
    return file_.Write(std::as_bytes(std::span(digest)));
  }

 private:
  weights::AtomicFile& file_;
  crypto::Blake2b hash_;
};

json::Object MakeHeader(const RunProgress& progress, TrainState& state) {
  json::Object header;
  header["layout"] = LayoutFingerprint(state.layout());
  header["parameters"] = state.layout().count();
  header["router_bias"] = state.layout().router_bias_count();
  header["optimizer_steps"] = state.optimizer().steps();
  header["step"] = progress.step;
  header["stage"] = progress.stage;
  header["stage_step"] = progress.stage_step;
  header["stage_steps"] = progress.stage_steps;
  header["cursor_bytes"] = progress.cursor.size();
  header["ledger"] = progress.ledger;
  return header;
}

std::optional<std::int64_t> StepOfName(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* begin = name.data() + kPrefix.size();
  const char* end = name.data() + name.size() - kSuffix.size();
  std::int64_t step = 0;
  const auto [stop, error] = std::from_chars(begin, end, step);
  if (error != std::errc() || stop != end) return std::nullopt;
  return step;
}

// Takes the next `count` numbers from the file's bytes.
Result<std::span<const std::byte>> TakeBytes(std::span<const std::byte>& rest, std::uint64_t bytes,
                                             const std::filesystem::path& path) {
  if (bytes > rest.size()) {
    return Fail(ErrorCode::kCorrupt, "{}: ends {} bytes early", path.string(), bytes - rest.size());
  }
  const auto taken = rest.first(bytes);
  rest = rest.subspan(bytes);
  return taken;
}

}  // namespace

Result<RunCheckpoint> SaveRunCheckpoint(const std::filesystem::path& dir,
                                        const RunProgress& progress, TrainState& state, int kept) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return Fail(ErrorCode::kIo, "make {}: {}", dir.string(), error.message());
  const std::filesystem::path path =
      dir / fmt::format("{}{:09}{}", kPrefix, progress.step, kSuffix);
  TRY_ASSIGN(weights::AtomicFile file, weights::AtomicFile::Create(path));
  HashedWriter writer(file);
  const json::Object fields = MakeHeader(progress, state);
  if (!json::IsFinite(fields)) {
    return Fail(ErrorCode::kInternal, "{}: the ledger has a number that is not finite",
                path.string());
  }
  const std::string header = json::Write(fields);
  const std::uint64_t header_bytes = header.size();
  TRY(writer.Write(kMagic));
  TRY(writer.Write(std::as_bytes(std::span(&header_bytes, 1))));
  TRY(writer.Write(header));
  TRY(writer.Write(progress.cursor));
  TRY(writer.Write(std::as_bytes(state.weights())));
  TRY(writer.Write(std::as_bytes(state.router_bias())));
  TRY(writer.Write(std::as_bytes(state.optimizer().first_moment())));
  TRY(writer.Write(std::as_bytes(state.optimizer().second_moment())));
  TRY(writer.Finish());
  TRY(file.Commit());
  std::vector<RunCheckpoint> all = ListRunCheckpoints(dir);
  for (std::size_t i = static_cast<std::size_t>(kept); i < all.size(); ++i) {
    std::filesystem::remove(all[i].path, error);
    if (error) log::warn("could not remove {}: {}", all[i].path.string(), error.message());
  }
  return RunCheckpoint{.path = path, .step = progress.step};
}

std::vector<RunCheckpoint> ListRunCheckpoints(const std::filesystem::path& dir) {
  std::vector<RunCheckpoint> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    if (const auto step = StepOfName(entry.path().filename().string())) {
      found.push_back({.path = entry.path(), .step = *step});
    }
  }
  std::ranges::sort(found, std::greater(), &RunCheckpoint::step);
  return found;
}

Result<RunProgress> LoadRunCheckpoint(const std::filesystem::path& path, TrainState& state) {
  TRY_ASSIGN(const tensor::MappedFile file, tensor::MappedFile::Open(path));
  std::span<const std::byte> bytes = file.bytes();
  constexpr std::size_t kFixed = kMagic.size() + sizeof(std::uint64_t) + sizeof(crypto::Digest256);
  if (bytes.size() < kFixed || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return Fail(ErrorCode::kCorrupt, "{} is not a run checkpoint", path.string());
  }
  crypto::Blake2b hash;
  hash.Update(bytes.first(bytes.size() - sizeof(crypto::Digest256)));
  const crypto::Digest256 digest = hash.Finish();
  if (std::memcmp(digest.data(), bytes.data() + bytes.size() - digest.size(), digest.size()) != 0) {
    return Fail(ErrorCode::kCorrupt, "{}: checksum does not match", path.string());
  }
  std::span<const std::byte> rest = bytes.first(bytes.size() - sizeof(crypto::Digest256));
  rest = rest.subspan(kMagic.size());
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, rest.data(), sizeof(header_bytes));
  rest = rest.subspan(sizeof(header_bytes));
  if (header_bytes > kHeaderBytesMax) {
    return Fail(ErrorCode::kCorrupt, "{}: header of {} bytes is over {}", path.string(),
                header_bytes, kHeaderBytesMax);
  }
  TRY_ASSIGN(const auto header_text, TakeBytes(rest, header_bytes, path));
  TRY_ASSIGN(const json::Value parsed,
             json::Parse({reinterpret_cast<const char*>(header_text.data()), header_text.size()}));
  if (!parsed.is_object()) return Fail(ErrorCode::kCorrupt, "{}: header", path.string());
  const json::Object& header = parsed.get_object();
  TRY_ASSIGN(const std::string layout, json::StringOr(header, "layout", ""));
  if (layout != LayoutFingerprint(state.layout())) {
    return Fail(ErrorCode::kInvalidArgument,
                "{} is of a model with other weights than the recipe's", path.string());
  }
  RunProgress progress;
  TRY_ASSIGN(progress.step, json::RequireInt(header, "step", 0, INT64_MAX));
  TRY_ASSIGN(progress.stage, json::RequireInt(header, "stage", 0, INT64_MAX));
  TRY_ASSIGN(progress.stage_step, json::RequireInt(header, "stage_step", 0, INT64_MAX));
  TRY_ASSIGN(progress.stage_steps, json::RequireInt(header, "stage_steps", 0, INT64_MAX));
  TRY_ASSIGN(const std::int64_t cursor_bytes, json::RequireInt(header, "cursor_bytes", 0, 1 << 20));
  TRY_ASSIGN(const std::int64_t steps, json::RequireInt(header, "optimizer_steps", 0, INT64_MAX));
  if (const json::Value* ledger = json::Find(header, "ledger"); ledger && ledger->is_object()) {
    progress.ledger = ledger->get_object();
  }
  TRY_ASSIGN(const auto cursor, TakeBytes(rest, static_cast<std::uint64_t>(cursor_bytes), path));
  progress.cursor.assign(reinterpret_cast<const char*>(cursor.data()), cursor.size());
  const std::span<float> targets[] = {state.weights(), state.router_bias(),
                                      state.optimizer().first_moment(),
                                      state.optimizer().second_moment()};
  std::uint64_t expected = 0;
  for (const auto target : targets) expected += target.size_bytes();
  if (rest.size() != expected) {
    return Fail(ErrorCode::kCorrupt, "{}: {} bytes of arrays, expected {}", path.string(),
                rest.size(), expected);
  }
  for (const auto target : targets) {
    if (!target.empty()) std::memcpy(target.data(), rest.data(), target.size_bytes());
    rest = rest.subspan(target.size_bytes());
  }
  state.optimizer().set_steps(steps);
  state.RefreshRounded();
  return progress;
}

}  // namespace holdfast::trainer
