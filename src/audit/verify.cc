#include <span>

#include <fcntl.h>

#include "audit/log.h"

namespace holdfast::audit {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

// Follows a log that comes in pieces.
class Verifier {
 public:
  explicit Verifier(const std::filesystem::path& path) : path_(path) {}

  Result<void> Take(std::string_view piece) {
    rest_.append(piece);
    std::string_view text = rest_;
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
      TRY(TakeLine(text.substr(0, end)));
      text.remove_prefix(end + 1);
    }
    rest_ = std::string(text);
    // Else a file of one endless line would be read into memory.
    if (rest_.size() > kLineBytesMax) return Broken("too long");
    return {};
  }

  Summary Finish() {
    summary_.record_count = chain_.sequence;
    summary_.last_hash = chain_.hash;
    summary_.torn_bytes = rest_.size();
    return summary_;
  }

 private:
  Result<void> TakeLine(std::string_view line) {
    const Result<Record> record = ParseLine(line);
    if (!record) return Broken(record.error().message);
    const Result<void> followed = chain_.Follow(*record);
    if (!followed) return Broken(followed.error().message);
    if (record->sequence == 1) summary_.first_ms = record->time_ms;
    summary_.last_ms = record->time_ms;
    return {};
  }

  // Lines are numbered as records are, as long as all are sound.
  std::unexpected<Error> Broken(std::string_view reason) const {
    return Fail(ErrorCode::kCorrupt, "{}: line {}: {}", path_.string(), chain_.sequence + 1,
                reason);
  }

  const std::filesystem::path& path_;
  std::string rest_;  // Of a line whose end has not come.
  Chain chain_;
  Summary summary_;
};

}  // namespace

Result<Summary> Verify(const std::filesystem::path& path) {
  const crypto::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return Fail(ErrnoError("open " + path.string()));
  Verifier verifier(path);
  std::string piece(kReadBytes, '\0');
  for (off_t offset = 0;;) {
    TRY_ASSIGN(
        const std::size_t got,
        crypto::ReadAt(file.number(), path, std::as_writable_bytes(std::span(piece)), offset));
    TRY(verifier.Take(std::string_view(piece).substr(0, got)));
    if (got < piece.size()) return verifier.Finish();
    offset += static_cast<off_t>(got);
  }
}

}  // namespace holdfast::audit
