#include "crypto/key_ring_copy.h"

#include <optional>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "crypto/encoding.h"
#include "crypto/key_ring_format.h"

namespace holdfast::crypto {
namespace {

namespace format = key_ring_format;

static_assert(kKeyRingPartBytes % format::kSlotBytes == 0);

using TakePart = std::function<Result<void>(std::int64_t, std::string_view)>;

std::span<std::byte> AsBytes(std::string& text) { return std::as_writable_bytes(std::span(text)); }

// An open ring that somebody else may be writing.
struct Ring {
  const Descriptor& file;
  const std::filesystem::path& path;

  Result<format::Header> ReadHeader() const {
    std::string bytes(format::kSlotsBegin, '\0');
    TRY(ReadAt(file.number(), path, AsBytes(bytes), 0));
    const Result<format::Headers> headers = format::ParseHeaders(bytes);
    if (headers) return headers->newest;
    return Fail(headers.error().code, "{}: {}", path.string(), headers.error().message);
  }

  Result<std::string> ReadOnce(off_t offset) const {
    std::string bytes(kKeyRingPartBytes, '\0');
    TRY_ASSIGN(const std::size_t count, ReadAt(file.number(), path, AsBytes(bytes), offset));
    bytes.resize(count);
    return bytes;
  }

  // As it came out of two reads, one after the other.
  Result<std::string> ReadPart(off_t offset) const {
    TRY_ASSIGN(std::string before, ReadOnce(offset));
    for (int i = 1; i < kKeyRingReadsMax; ++i) {
      TRY_ASSIGN(std::string after, ReadOnce(offset));
      if (after == before) return after;
      before = std::move(after);
    }
    return Fail(ErrorCode::kUnavailable, "{}: changes faster than it can be read", path.string());
  }
};

void CountSlots(std::string_view bytes, KeyRingFacts& facts) {
  for (std::size_t at = 0; at < bytes.size(); at += format::kSlotBytes) {
    const format::SlotState state = format::ParseSlot(bytes.substr(at, format::kSlotBytes)).state;
    if (state == format::SlotState::kUsed) ++facts.account_count;
    if (state == format::SlotState::kDamaged) ++facts.damaged_count;
  }
}

std::string InstanceKeyId(const format::Header& header) {
  return EncodeHex(header.is_rotating ? header.next_key_id : header.key_id);
}

std::string FirstPart(const format::Header& header) {
  std::string bytes;
  for (int i = 0; i < format::kHeaderCopies; ++i) bytes += format::WriteHeader(header);
  bytes.resize(format::kSlotsBegin, '\0');
  return bytes;
}

// nullopt: the header changed meanwhile.
Result<std::optional<KeyRingFacts>> TryCopy(const Ring& ring, const TakePart& take) {
  TRY_ASSIGN(const format::Header header, ring.ReadHeader());
  // What is appended from here on is of accounts that came after.
  struct stat status {};
  if (::fstat(ring.file.number(), &status) != 0) {
    return Fail(ErrnoError("stat " + ring.path.string()));
  }
  KeyRingFacts facts{.instance_key_id = InstanceKeyId(header)};
  TRY(take(0, FirstPart(header)));
  std::int64_t number = 1;
  for (auto offset = static_cast<off_t>(format::kSlotsBegin); offset < status.st_size;
       offset += static_cast<off_t>(kKeyRingPartBytes)) {
    TRY_ASSIGN(const std::string part, ring.ReadPart(offset));
    CountSlots(part, facts);
    TRY(take(number++, part));
  }
  TRY_ASSIGN(const format::Header after, ring.ReadHeader());
  if (after != header) return std::nullopt;
  return facts;
}

}  // namespace

Result<KeyRingFacts> CopyKeyRing(const std::filesystem::path& path, const TakePart& take) {
  TRY_ASSIGN(const Descriptor file, OpenOwned(path, O_RDONLY));
  const Ring ring{file, path};
  for (int i = 0; i < kKeyRingCopyTriesMax; ++i) {
    TRY_ASSIGN(std::optional<KeyRingFacts> facts, TryCopy(ring, take));
    if (facts) return *std::move(facts);
  }
  return Fail(ErrorCode::kUnavailable, "{}: the instance key is being changed; copy it later",
              path.string());
}

Result<KeyRingFacts> PlaceKeyRing(const std::filesystem::path& path, const NextPiece& next) {
  KeyRingFacts facts;
  bool has_header = false;
  TRY(MakeOwnedOf(path, [&]() -> Result<std::optional<std::string>> {
    TRY_ASSIGN(std::optional<std::string> part, next());
    if (part && has_header) CountSlots(*part, facts);
    if (has_header) return part;
    if (!part || part->size() != format::kSlotsBegin) {
      return Fail(ErrorCode::kCorrupt, "the parts of a key ring do not begin with its header");
    }
    TRY_ASSIGN(const format::Headers headers, format::ParseHeaders(*part));
    facts.instance_key_id = InstanceKeyId(headers.newest);
    has_header = true;
    return part;
  }));
  return facts;
}

}  // namespace holdfast::crypto
