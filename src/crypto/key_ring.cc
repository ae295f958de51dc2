#include "crypto/key_ring.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

namespace format = key_ring_format;

constexpr std::size_t kSlotsReadAtOnce = 4096;
// Two syncs for as many. Others that write wait for no more than one batch.
constexpr std::size_t kSlotsRewrappedAtOnce = 256;
constexpr std::size_t kSlotsMax = std::numeric_limits<std::uint32_t>::max();

off_t SlotOffset(std::uint32_t number) {
  return static_cast<off_t>(format::kSlotsBegin + std::size_t{number} * format::kSlotBytes);
}

std::string NewRing(const DataKey& instance_key) {
  format::Header header;
  header.key_id = KeyId(instance_key);
  std::string bytes;
  for (int i = 0; i < format::kHeaderCopies; ++i) bytes += format::WriteHeader(header);
  bytes.resize(format::kSlotsBegin, '\0');
  return bytes;
}

Result<Descriptor> OpenOrMake(const std::filesystem::path& path, const DataKey& instance_key) {
  Result<Descriptor> file = OpenOwned(path, O_RDWR);
  if (file || file.error().code != ErrorCode::kNotFound) return file;
  const Result<void> made = MakeOwned(path, NewRing(instance_key));
  if (!made && made.error().code != ErrorCode::kAlreadyExists) return Fail(made.error());
  return OpenOwned(path, O_RDWR);
}

std::span<std::byte> AsBytes(std::string& text) { return std::as_writable_bytes(std::span(text)); }

}  // namespace

Result<std::unique_ptr<KeyRing>> KeyRing::Open(const std::filesystem::path& path,
                                               DataKey instance_key,
                                               const KeyRingOptions& options) {
  CHECK(options.accounts_max <= kSlotsMax / 2);
  TRY_ASSIGN(Descriptor file, OpenOrMake(path, instance_key));
  TRY(LockFile(file.number(), path));
  std::unique_ptr<KeyRing> ring(new KeyRing(path, std::move(file), options));
  TRY(ring->LoadHeader(std::move(instance_key)));
  TRY(ring->LoadSlots());
  return ring;
}

// Where the two copies differ, the one that counts becomes both, so that no older one, with a key
// in it, stays.
Result<void> KeyRing::LoadHeader(DataKey instance_key) {
  std::string bytes(format::kHeaderCopies * format::kHeaderBytes, '\0');
  TRY(ReadAt(file_.number(), path_, AsBytes(bytes), 0));
  const Result<format::Headers> headers = format::ParseHeaders(bytes);
  if (!headers) {
    return Fail(headers.error().code, "{}: {}", path_.string(), headers.error().message);
  }
  header_ = headers->newest;
  TRY(AdoptKey(std::move(instance_key)));
  return headers->are_equal ? Result<void>() : WriteHeader(header_);
}

Result<void> KeyRing::AdoptKey(DataKey instance_key) {
  const std::string id = KeyId(instance_key);
  if (!header_.is_rotating && id == header_.key_id) {
    wrapping_[header_.generation % 2] = std::move(instance_key);
    return {};
  }
  if (header_.is_rotating && id == header_.next_key_id) {
    Result<DataKey> before = OpenKey(instance_key, header_.sealed_key, format::kKeyBeforePlace);
    if (!before) return Fail(ErrorCode::kCorrupt, "{}: the old key is damaged", path_.string());
    wrapping_[header_.generation % 2] = std::move(*before);
    wrapping_[(header_.generation + 1) % 2] = std::move(instance_key);
    return {};
  }
  if (header_.is_rotating && id == header_.key_id) {
    return Fail(ErrorCode::kFailedPrecondition,
                "{}: being rewrapped by the instance key {}; it opens with that one",
                path_.string(), EncodeHex(header_.next_key_id));
  }
  return Fail(ErrorCode::kPermissionDenied, "{}: wrapped by the instance key {}, not {}",
              path_.string(), EncodeHex(header_.is_rotating ? header_.next_key_id : header_.key_id),
              EncodeHex(id));
}

Result<void> KeyRing::LoadSlots() {
  struct stat status {};
  if (::fstat(file_.number(), &status) != 0) return Fail(ErrnoError("stat " + path_.string()));
  const auto file_bytes = static_cast<std::size_t>(status.st_size);
  if (file_bytes < format::kSlotsBegin) {
    return Fail(ErrorCode::kCorrupt, "{}: cut off in its header", path_.string());
  }
  const std::size_t count =
      (file_bytes - format::kSlotsBegin + format::kSlotBytes - 1) / format::kSlotBytes;
  if (count > kSlotsMax) {
    return Fail(ErrorCode::kTooLarge, "{}: {} slots, over the limit of {}", path_.string(), count,
                kSlotsMax);
  }
  std::string piece(kSlotsReadAtOnce * format::kSlotBytes, '\0');
  while (slot_count_ < count) {
    TRY_ASSIGN(const std::size_t got,
               ReadAt(file_.number(), path_, AsBytes(piece), SlotOffset(slot_count_)));
    for (std::size_t at = 0; at < got; at += format::kSlotBytes) {
      const std::string_view bytes = std::string_view(piece).substr(0, got);
      TRY(AddSlot(slot_count_++, bytes.substr(at, format::kSlotBytes)));
    }
    if (got < piece.size()) break;
  }
  std::ranges::reverse(free_slots_);  // The first ones are taken first.
  return {};
}

Result<void> KeyRing::AddSlot(std::uint32_t number, std::string_view bytes) {
  format::Slot slot = format::ParseSlot(bytes);
  if (slot.state == format::SlotState::kFree) free_slots_.push_back(number);
  if (slot.state == format::SlotState::kDamaged) ++damaged_count_;
  if (slot.state != format::SlotState::kUsed) return {};
  if (slots_.emplace(std::move(slot.account_id), number).second) return {};
  return Fail(ErrorCode::kCorrupt, "{}: slot {} is of an account that has one already",
              path_.string(), number);
}

Result<void> KeyRing::Make(std::string_view account_id) {
  if (account_id.empty() || account_id.size() > format::kAccountIdBytesMax) {
    return Fail(ErrorCode::kInvalidArgument, "an account's id has 1 to {} bytes, not {}",
                format::kAccountIdBytesMax, account_id.size());
  }
  const std::lock_guard write_lock(write_mutex_);
  TRY(CheckWritable());
  const bool is_appended = free_slots_.empty();
  const std::uint32_t number = is_appended ? slot_count_ : free_slots_.back();
  {
    const std::lock_guard lock(mutex_);
    if (slots_.contains(account_id)) {
      return Fail(ErrorCode::kAlreadyExists, "this account has a key");
    }
    if (slots_.size() >= options_.accounts_max) {
      return Fail(ErrorCode::kResourceExhausted, "{}: at its limit of {} accounts", path_.string(),
                  options_.accounts_max);
    }
    const std::uint32_t generation = wrap_generation();
    TRY(WriteToSlot(
        number, 0,
        format::WriteSlot(account_id, DataKey::Random(), generation, *wrapping_[generation % 2])));
  }
  TRY(Sync());
  if (is_appended) {
    ++slot_count_;
  } else {
    free_slots_.pop_back();
  }
  const std::lock_guard lock(mutex_);
  slots_.emplace(account_id, number);
  return {};
}

Result<std::shared_ptr<const DataKey>> KeyRing::Find(std::string_view account_id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = where_.find(account_id); found != where_.end()) {
    cached_.splice(cached_.begin(), cached_, found->second);
    return cached_.front().key;
  }
  const auto slot = slots_.find(account_id);
  if (slot == slots_.end()) return Fail(ErrorCode::kNotFound, "this account has no key");
  TRY_ASSIGN(DataKey key, Unwrap(account_id, slot->second));
  auto shared = std::make_shared<const DataKey>(std::move(key));
  Cache(account_id, shared);
  return shared;
}

void KeyRing::Forget(std::string_view account_id) {
  const std::lock_guard lock(mutex_);
  Uncache(account_id);
}

Result<void> KeyRing::Destroy(std::string_view account_id) {
  const std::lock_guard write_lock(write_mutex_);
  TRY(CheckWritable());
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto slot = slots_.find(account_id);
    if (slot == slots_.end()) return Fail(ErrorCode::kNotFound, "this account has no key");
    number = slot->second;
    Uncache(account_id);
    TRY(WriteToSlot(number, 0, RandomBytes(format::kSlotBytes)));
    slots_.erase(slot);
  }
  TRY(Sync());
  free_slots_.push_back(number);
  return {};
}

bool KeyRing::is_rotating() const {
  const std::lock_guard lock(mutex_);
  return header_.is_rotating;
}

std::size_t KeyRing::account_count() const {
  const std::lock_guard lock(mutex_);
  return slots_.size();
}

Result<void> KeyRing::CheckWritable() const {
  if (!is_broken_) return {};
  return Fail(ErrorCode::kFailedPrecondition, "{}: a write of it failed; it must be opened again",
              path_.string());
}

// What was not synced may be lost though the next sync succeeds, so there is no next one.
Result<void> KeyRing::Sync() {
  Result<void> synced = SyncFile(file_.number(), path_);
  if (!synced) is_broken_ = true;
  return synced;
}

// One copy after the other is on the disk, so that one of them is whole at any moment.
Result<void> KeyRing::WriteHeader(const format::Header& header) {
  format::Header next = header;
  ++next.sequence;
  const std::string bytes = format::WriteHeader(next);
  is_broken_ = true;  // Until both are written: nobody knows which one a reader would find.
  for (int i = 0; i < format::kHeaderCopies; ++i) {
    const off_t offset = i * static_cast<off_t>(format::kHeaderBytes);
    TRY(WriteAt(file_.number(), path_, bytes, offset));
    TRY(SyncFile(file_.number(), path_));
  }
  is_broken_ = false;
  const std::lock_guard lock(mutex_);
  header_ = std::move(next);
  return {};
}

Result<RotateSummary> KeyRing::Rotate(DataKey new_key) {
  const std::lock_guard rotate_lock(rotate_mutex_);
  RotateSummary summary;
  TRY_ASSIGN(const bool is_needed, BeginRotation(std::move(new_key)));
  if (!is_needed) return summary;
  for (std::size_t first = 0;; first += kSlotsRewrappedAtOnce) {
    TRY_ASSIGN(const bool is_more, RewrapBatch(first, summary));
    if (!is_more) break;
  }
  TRY(EndRotation());
  return summary;
}

Result<bool> KeyRing::BeginRotation(DataKey new_key) {
  const std::lock_guard write_lock(write_mutex_);
  TRY(CheckWritable());
  const std::string id = KeyId(new_key);
  if (header_.is_rotating && id == header_.next_key_id) return true;
  if (header_.is_rotating) {
    return Fail(ErrorCode::kFailedPrecondition,
                "{}: being rewrapped by the instance key {}, not {}", path_.string(),
                EncodeHex(header_.next_key_id), EncodeHex(id));
  }
  if (id == header_.key_id) return false;
  format::Header header = header_;
  header.is_rotating = true;
  header.next_key_id = id;
  header.sealed_key = SealKey(new_key, *wrapping_[header.generation % 2], format::kKeyBeforePlace);
  {
    const std::lock_guard lock(mutex_);
    wrapping_[(header.generation + 1) % 2] = std::move(new_key);
  }
  TRY(WriteHeader(header));
  return true;
}

// The new forms are on the disk before the old ones are overwritten. False after the last slot.
Result<bool> KeyRing::RewrapBatch(std::size_t first_slot, RotateSummary& summary) {
  const std::lock_guard write_lock(write_mutex_);
  TRY(CheckWritable());
  const std::size_t end = std::min<std::size_t>(first_slot + kSlotsRewrappedAtOnce, slot_count_);
  std::vector<std::uint32_t> to_wipe;
  for (std::size_t number = first_slot; number < end; ++number) {
    TRY(RewrapSlot(static_cast<std::uint32_t>(number), summary, to_wipe));
  }
  if (!to_wipe.empty()) {
    TRY(Sync());
    TRY(WipeOldWraps(to_wipe));
    TRY(Sync());
  }
  return end < slot_count_;
}

Result<void> KeyRing::RewrapSlot(std::uint32_t number, RotateSummary& summary,
                                 std::vector<std::uint32_t>& to_wipe) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(const std::string bytes, ReadSlot(number));
  const format::Slot slot = format::ParseSlot(bytes);
  if (slot.state != format::SlotState::kUsed) return {};
  const std::uint32_t before = header_.generation, after = before + 1;
  const DataKey& wrapping = *wrapping_[after % 2];
  if (!format::OpenWrap(bytes, slot.account_id, after, wrapping)) {
    const Result<DataKey> key =
        format::OpenWrap(bytes, slot.account_id, before, *wrapping_[before % 2]);
    if (!key) {
      ++summary.unreadable;
      return {};
    }
    TRY(WriteToSlot(number, format::WrapOffset(after),
                    format::WriteWrap(slot.account_id, *key, after, wrapping)));
    ++summary.rewrapped;
  }
  if (format::HasWrap(bytes, before)) to_wipe.push_back(number);
  return {};
}

Result<void> KeyRing::WipeOldWraps(const std::vector<std::uint32_t>& slots) {
  for (const std::uint32_t number : slots) {
    const std::lock_guard lock(mutex_);
    TRY(WriteToSlot(number, format::WrapOffset(header_.generation),
                    RandomBytes(format::kWrapBytes)));
  }
  return {};
}

Result<void> KeyRing::EndRotation() {
  const std::lock_guard write_lock(write_mutex_);
  TRY(CheckWritable());
  format::Header header = header_;
  header.generation = header_.generation + 1;
  header.key_id = header_.next_key_id;
  header.is_rotating = false;
  header.next_key_id.clear();
  header.sealed_key.clear();
  TRY(WriteHeader(header));
  const std::lock_guard lock(mutex_);
  wrapping_[(header.generation + 1) % 2].reset();
  return {};
}

Result<DataKey> KeyRing::Unwrap(std::string_view account_id, std::uint32_t number) const {
  TRY_ASSIGN(const std::string bytes, ReadSlot(number));
  if (header_.is_rotating) {
    const std::uint32_t after = header_.generation + 1;
    Result<DataKey> key = format::OpenWrap(bytes, account_id, after, *wrapping_[after % 2]);
    if (key) return key;
  }
  Result<DataKey> key =
      format::OpenWrap(bytes, account_id, header_.generation, *wrapping_[header_.generation % 2]);
  if (key) return key;
  return Fail(ErrorCode::kCorrupt, "{}: slot {} is damaged", path_.string(), number);
}

Result<std::string> KeyRing::ReadSlot(std::uint32_t number) const {
  std::string bytes(format::kSlotBytes, '\0');
  TRY(ReadAt(file_.number(), path_, AsBytes(bytes), SlotOffset(number)));
  return bytes;
}

Result<void> KeyRing::WriteToSlot(std::uint32_t number, std::size_t offset,
                                  std::string_view bytes) {
  return WriteAt(file_.number(), path_, bytes, SlotOffset(number) + static_cast<off_t>(offset));
}

void KeyRing::Cache(std::string_view account_id, std::shared_ptr<const DataKey> key) {
  if (options_.cached_max == 0) return;
  if (cached_.size() >= options_.cached_max) Uncache(std::string(cached_.back().account_id));
  cached_.push_front({std::string(account_id), std::move(key)});
  where_.emplace(account_id, cached_.begin());
}

void KeyRing::Uncache(std::string_view account_id) {
  const auto found = where_.find(account_id);
  if (found == where_.end()) return;
  cached_.erase(found->second);
  where_.erase(found);
}

}  // namespace holdfast::crypto
