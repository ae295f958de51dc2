#include "accounts/usage_board.h"

#include <array>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::accounts {
namespace {

constexpr std::array<char, 16> kMagic = {"holdfast usage1"};

using Id = std::array<char, UsageBoard::kIdBytesMax>;

void Write(Id& id, std::string_view text) {
  id.fill('\0');
  std::ranges::copy(text, id.begin());
}

std::string Read(const Id& id) { return std::string(id.data(), ::strnlen(id.data(), id.size())); }

}  // namespace

// As it lies in the file. Only this machine reads it.
struct UsageBoard::Slot {
  std::atomic<std::uint64_t> is_used;  // Set last, and cleared first.
  Id request_id;
  Id account_id;
  Id key_id;
  std::atomic<std::int64_t> prompt_tokens;
  std::atomic<std::int64_t> output_tokens;
};

struct UsageBoard::File {
  std::array<char, 16> magic;
  std::array<Slot, kSlots> slots;
};

UsageBoard::UsageBoard(int fd, File* file) : fd_(fd), file_(file) {
  for (std::size_t i = kSlots; i > 0; --i) {
    if (file_->slots[i - 1].is_used.load() == 0) free_.push_back(i - 1);
  }
}

UsageBoard::~UsageBoard() {
  ::munmap(file_, sizeof(File));
  ::close(fd_);
}

Result<std::unique_ptr<UsageBoard>> UsageBoard::Open(const std::filesystem::path& path) {
  static_assert(std::atomic<std::int64_t>::is_always_lock_free);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Fail(ErrnoError("open " + path.string()));
  const auto fail = [fd](Error error) {
    ::close(fd);
    return Fail(std::move(error));
  };
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(MakeError(ErrorCode::kFailedPrecondition, "{} is in use by another process",
                          path.string()));
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(ErrnoError("look at " + path.string()));
  const bool is_new = status.st_size == 0;
  if (!is_new && status.st_size != sizeof(File)) {
    return fail(MakeError(ErrorCode::kCorrupt, "{} is no board of usage", path.string()));
  }
  // Blocks that are there cannot run out later, in the middle of an answer.
  if (is_new && ::posix_fallocate(fd, 0, sizeof(File)) != 0) {
    return fail(MakeError(ErrorCode::kDiskFull, "no room for {}", path.string()));
  }
  void* const memory = ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail(ErrnoError("map " + path.string()));
  auto* const file = static_cast<File*>(memory);
  if (is_new) file->magic = kMagic;
  if (file->magic != kMagic) {
    ::munmap(memory, sizeof(File));
    return fail(MakeError(ErrorCode::kCorrupt, "{} is no board of usage", path.string()));
  }
  return std::unique_ptr<UsageBoard>(new UsageBoard(fd, file));
}

std::vector<Usage> UsageBoard::TakeUnfinished() const {
  std::vector<Usage> unfinished;
  for (const Slot& slot : file_->slots) {
    if (slot.is_used.load() == 0) continue;
    unfinished.push_back({Read(slot.request_id), Read(slot.account_id), Read(slot.key_id),
                          slot.prompt_tokens.load(), slot.output_tokens.load()});
  }
  return unfinished;
}

void UsageBoard::ClearUnfinished() {
  const std::lock_guard lock(mutex_);
  free_.clear();
  for (std::size_t i = kSlots; i > 0; --i) {
    file_->slots[i - 1].is_used.store(0);
    free_.push_back(i - 1);
  }
}

UsageBoard::Line UsageBoard::Begin(std::string_view request_id, std::string_view account_id,
                                   std::string_view key_id) {
  if (request_id.size() > kIdBytesMax || account_id.size() > kIdBytesMax ||
      key_id.size() > kIdBytesMax) {
    return {};
  }
  std::size_t index = 0;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = file_->slots[index];
  Write(slot.request_id, request_id);
  Write(slot.account_id, account_id);
  Write(slot.key_id, key_id);
  slot.prompt_tokens.store(0);
  slot.output_tokens.store(0);
  slot.is_used.store(1);
  return {*this, index};
}

UsageBoard::Line::Line(Line&& other) noexcept
    : board_(std::exchange(other.board_, nullptr)), slot_(other.slot_) {}

UsageBoard::Line& UsageBoard::Line::operator=(Line&& other) noexcept {
  std::swap(board_, other.board_);
  std::swap(slot_, other.slot_);
  return *this;
}

UsageBoard::Line::~Line() {
  if (board_ == nullptr) return;
  board_->file_->slots[slot_].is_used.store(0);
  const std::lock_guard lock(board_->mutex_);
  board_->free_.push_back(slot_);
}

void UsageBoard::Line::SetPrompt(std::int64_t tokens) {
  if (board_ != nullptr) board_->file_->slots[slot_].prompt_tokens.store(tokens);
}

void UsageBoard::Line::SetOutput(std::int64_t tokens) {
  if (board_ != nullptr) board_->file_->slots[slot_].output_tokens.store(tokens);
}

}  // namespace holdfast::accounts
