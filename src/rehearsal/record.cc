#include "rehearsal/record.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <system_error>

#include "drill/random_stream.h"
#include "json/json.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::array<std::string_view, kActCount> kActWords = {"page", "chat", "log_in", "sign_up",
                                                               "hold"};
constexpr std::array<std::string_view, kEndCount> kEndWords = {"done", "refused", "broken",
                                                               "left", "failed",  "unsent"};
constexpr std::size_t kTruthBytesMax = 8 << 20;
constexpr std::size_t kLineBytesMax = 4 << 10;
constexpr std::size_t kReasonBytesMax = 64;
constexpr std::uint64_t kShuffleName = 0x6f7061717565;

template <std::size_t kCount>
int IndexOr(const std::array<std::string_view, kCount>& words, std::string_view word,
            int fallback) {
  const auto found = std::ranges::find(words, word);
  return found == words.end() ? fallback : static_cast<int>(found - words.begin());
}

// A word from outside, fit for a line: short, and of letters that need no escape.
std::string Plain(std::string_view reason) {
  std::string plain;
  for (const char ch : reason.substr(0, kReasonBytesMax)) {
    const bool is_word = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                         (ch >= '0' && ch <= '9') || ch == '_' || ch == '-';
    plain += is_word ? ch : '_';
  }
  return plain;
}

std::vector<std::uint32_t> Shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  drill::RandomStream random(drill::Mix(seed, kShuffleName));
  for (std::size_t i = count; i > 1; --i) {
    std::swap(numbers[i - 1], numbers[random.Below(static_cast<std::uint32_t>(i))]);
  }
  return numbers;
}

}  // namespace

std::string_view ActWord(Act act) { return kActWords[static_cast<int>(act)]; }
std::string_view EndWord(End end) { return kEndWords[static_cast<int>(end)]; }

Result<std::unique_ptr<Recorder>> Recorder::Open(const std::filesystem::path& folder,
                                                 const Plan& plan, bool is_unattacked) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Fail(ErrorCode::kIo, "{}: {}", folder.string(), error.message());
  const std::filesystem::path path = folder / kObservedName;
  if (std::filesystem::exists(path, error)) {
    return Fail(ErrorCode::kAlreadyExists, "{}: a record is there already", folder.string());
  }
  std::unique_ptr<Recorder> recorder(new Recorder);
  recorder->folder_ = folder;
  recorder->plan_ = plan;
  recorder->is_unattacked_ = is_unattacked;
  recorder->opaque_ = Shuffled(plan.groups.size(), plan.seed);
  recorder->observed_.open(path, std::ios::binary);
  if (!recorder->observed_) return Fail(ErrnoError(path.string()));
  recorder->line_ = json::Write(json::Object{
      {"format", kObservedFormat}, {"seconds", plan.seconds}, {"groups", plan.groups.size()}});
  recorder->WriteLine();
  return recorder;
}

void Recorder::WriteLine() {
  line_ += '\n';
  digest_.Update(line_);
  observed_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
  line_.clear();
}

void Recorder::Add(const Attempt& attempt) {
  fmt::format_to(std::back_inserter(line_),
                 R"({{"g":{},"c":{},"w":{},"r":{},"act":"{}","end":"{}","status":{},"reason":"{}",)"
                 R"("due":{},"begun":{},"ended":{},"first":{},"last":{},"tokens":{},)"
                 R"("told_at":{},"told_ms":{},"notices":{}}})",
                 attempt.group, attempt.client, attempt.wish, attempt.retry, ActWord(attempt.act),
                 EndWord(attempt.end), attempt.status, Plain(attempt.reason), attempt.due,
                 attempt.begun, attempt.ended, attempt.first_token, attempt.last_token,
                 attempt.tokens, attempt.wait_told_at, attempt.wait_told_ms, attempt.notices);
  WriteLine();
  ++attempt_count_;
}

void Recorder::Add(const MemoryLook& look) {
  line_ = json::Write(
      json::Object{{"process", look.process}, {"at", look.at}, {"resident_kib", look.kib}});
  WriteLine();
}

Result<void> Recorder::Seal() {
  observed_.close();
  if (!observed_) return Fail(ErrnoError((folder_ / kObservedName).string()));
  json::Array groups;
  for (std::size_t i = 0; i < plan_.groups.size(); ++i) {
    const Group& group = plan_.groups[i];
    groups.push_back(json::Object{{"number", opaque_[i]},
                                  {"name", group.name},
                                  {"label", LabelWord(group.label)},
                                  {"rate", group.rate}});
  }
  const std::string truth =
      json::Write(json::Object{{"format", kTruthFormat},
                               {"observed_sha256", crypto::HexDigest(digest_.Finish())},
                               {"unattacked", is_unattacked_},
                               {"seed", plan_.seed},
                               {"groups", std::move(groups)},
                               {"plan", plan_.text}});
  std::ofstream file(folder_ / kTruthName, std::ios::binary);
  std::error_code ignored;
  std::filesystem::permissions(folder_ / kTruthName, std::filesystem::perms::owner_read, ignored);
  file << truth << '\n';
  file.close();
  if (!file) return Fail(ErrnoError((folder_ / kTruthName).string()));
  return {};
}

namespace {

Result<Attempt> ParseAttempt(const json::Object& object) {
  const auto whole = [&](std::string_view key) {
    return json::RequireInt(object, key, INT64_MIN, INT64_MAX);
  };
  Attempt attempt;
  TRY_ASSIGN(const std::int64_t group, json::RequireInt(object, "g", 0, kGroupsMax - 1));
  TRY_ASSIGN(const std::int64_t client, json::RequireInt(object, "c", 0, UINT32_MAX));
  TRY_ASSIGN(const std::int64_t wish, whole("w"));
  TRY_ASSIGN(const std::int64_t retry, json::RequireInt(object, "r", 0, UINT32_MAX));
  TRY_ASSIGN(const std::string act, json::RequireString(object, "act"));
  TRY_ASSIGN(const std::string end, json::RequireString(object, "end"));
  TRY_ASSIGN(const std::int64_t status, json::RequireInt(object, "status", 0, 999));
  TRY_ASSIGN(attempt.reason, json::RequireString(object, "reason"));
  TRY_ASSIGN(attempt.due, whole("due"));
  TRY_ASSIGN(attempt.begun, whole("begun"));
  TRY_ASSIGN(attempt.ended, whole("ended"));
  TRY_ASSIGN(attempt.first_token, whole("first"));
  TRY_ASSIGN(attempt.last_token, whole("last"));
  TRY_ASSIGN(const std::int64_t tokens, json::RequireInt(object, "tokens", 0, UINT32_MAX));
  TRY_ASSIGN(attempt.wait_told_at, whole("told_at"));
  TRY_ASSIGN(attempt.wait_told_ms, whole("told_ms"));
  TRY_ASSIGN(const std::int64_t notices, json::RequireInt(object, "notices", 0, UINT32_MAX));
  attempt.group = static_cast<std::uint32_t>(group);
  attempt.client = static_cast<std::uint32_t>(client);
  attempt.wish = static_cast<std::uint64_t>(wish);
  attempt.retry = static_cast<std::uint32_t>(retry);
  attempt.act = static_cast<Act>(IndexOr(kActWords, act, 0));
  attempt.end = static_cast<End>(IndexOr(kEndWords, end, static_cast<int>(End::kFailed)));
  attempt.status = static_cast<int>(status);
  attempt.tokens = static_cast<std::uint32_t>(tokens);
  attempt.notices = static_cast<std::uint32_t>(notices);
  return attempt;
}

Result<void> ReadLine(std::string_view line, const std::vector<std::uint32_t>& index_of,
                      Record& record) {
  TRY_ASSIGN(const json::Value value,
             json::Parse(line, {.text_bytes_max = kLineBytesMax, .depth_max = 2}));
  if (!value.is_object()) return Fail(ErrorCode::kCorrupt, "not an object");
  const json::Object& object = value.get_object();
  if (json::Find(object, "format") != nullptr) return {};
  if (json::Find(object, "process") != nullptr) {
    MemoryLook look;
    TRY_ASSIGN(look.process, json::RequireString(object, "process"));
    TRY_ASSIGN(look.at, json::RequireInt(object, "at", 0, INT64_MAX));
    TRY_ASSIGN(const std::int64_t kib, json::RequireInt(object, "resident_kib", 0, INT64_MAX));
    look.kib = static_cast<std::uint64_t>(kib);
    record.memory.push_back(std::move(look));
    return {};
  }
  TRY_ASSIGN(Attempt attempt, ParseAttempt(object));
  if (attempt.group >= index_of.size()) return Fail(ErrorCode::kCorrupt, "no such group");
  attempt.group = index_of[attempt.group];
  record.attempts.push_back(std::move(attempt));
  return {};
}

struct Truth {
  std::string observed_sha256;
  std::vector<std::uint32_t> index_of;  // By opaque number.
};

Result<Truth> ReadTruth(const std::filesystem::path& path, Record& record) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrnoError(path.string()));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  TRY_ASSIGN(const json::Value value, json::Parse(text, {.text_bytes_max = kTruthBytesMax}));
  if (!value.is_object()) return Fail(ErrorCode::kCorrupt, "{}: not an object", path.string());
  const json::Object& object = value.get_object();
  Truth truth;
  TRY_ASSIGN(truth.observed_sha256, json::RequireString(object, "observed_sha256"));
  TRY_ASSIGN(record.is_unattacked, json::BoolOr(object, "unattacked", false));
  TRY_ASSIGN(const std::string plan, json::RequireString(object, "plan"));
  // The processes of the run are not those of today.
  TRY_ASSIGN(record.plan, ParseOldPlan(plan));
  TRY_ASSIGN(const json::Array* const groups, json::RequireArray(object, "groups", kGroupsMax));
  if (groups->size() != record.plan.groups.size()) {
    return Fail(ErrorCode::kCorrupt, "{}: its groups are not its plan's", path.string());
  }
  truth.index_of.assign(groups->size(), 0);
  for (std::size_t i = 0; i < groups->size(); ++i) {
    if (!(*groups)[i].is_object()) return Fail(ErrorCode::kCorrupt, "{}: a group", path.string());
    const json::Object& group = (*groups)[i].get_object();
    TRY_ASSIGN(const std::int64_t number,
               json::RequireInt(group, "number", 0, std::ssize(*groups) - 1));
    TRY_ASSIGN(record.plan.groups[i].rate, json::NumberOr(group, "rate", 0));
    truth.index_of[static_cast<std::size_t>(number)] = static_cast<std::uint32_t>(i);
  }
  return truth;
}

}  // namespace

Result<Record> ReadRecord(const std::filesystem::path& folder) {
  Record record;
  TRY_ASSIGN(const Truth truth, ReadTruth(folder / kTruthName, record));
  const std::filesystem::path path = folder / kObservedName;
  TRY_ASSIGN(const crypto::Digest256 digest, crypto::Sha256OfFile(path));
  if (crypto::HexDigest(digest) != truth.observed_sha256) {
    return Fail(ErrorCode::kCorrupt, "{}: not what was sealed", path.string());
  }
  std::ifstream file(path, std::ios::binary);
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (const Result<void> read = ReadLine(line, truth.index_of, record); !read) {
      return Fail(ErrorCode::kCorrupt, "{}:{}: {}", path.string(), number, read.error().message);
    }
  }
  return record;
}

}  // namespace holdfast::rehearsal
