// KeyRing: one data key for each account, wrapped by the instance key, in one file apart from the
// database. Who destroys an account's key makes everything sealed under it unreadable at once,
// wherever copies of it lie. The file is docs/formats/key-ring.md's.
//
// What a call changed is on the disk when it returns. A crash loses nothing acknowledged: a slot is
// taken into use whole or not at all, and a key is wrapped anew beside its old form, which goes
// only after the new one is on the disk. A call that failed, or that a crash cut off, may have
// taken effect: after the next Open, Make may answer kAlreadyExists, and Destroy kNotFound.
//
// Thread-safe. Calls that write take turns; Find waits for no disk but for a read of one slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "crypto/key_ring_format.h"
#include "crypto/owned_file.h"
#include "crypto/sealed.h"

namespace holdfast::crypto {

struct KeyRingOptions {
  // 4 GiB of file, and about 2 GiB of memory for the names.
  std::size_t accounts_max = std::size_t{1} << 24;
  // Unwrapped keys kept in memory; the one unused for longest goes first.
  std::size_t cached_max = 4096;
};

struct RotateSummary {
  std::size_t rewrapped = 0;
  // Slots that were damaged before. Their keys are lost, whatever wraps them.
  std::size_t unreadable = 0;
};

class KeyRing {
 public:
  // The ring in the file, which is made (0600) where there is none. Errors: kPermissionDenied (it
  // is wrapped by another key, or somebody else may read it), kFailedPrecondition (another process
  // has it open; or a rotation is under way and this is the key before it: open it with the new
  // one), kCorrupt, kUnsupported, kTooLarge, kIo and others of the system.
  [[nodiscard]] static Result<std::unique_ptr<KeyRing>> Open(const std::filesystem::path& path,
                                                             DataKey instance_key,
                                                             const KeyRingOptions& options = {});

  // A new random key. Errors: kInvalidArgument (the id has not 1 to 32 bytes), kAlreadyExists,
  // kResourceExhausted (accounts_max), kDiskFull, kIo; kFailedPrecondition after a sync has failed:
  // what is on the disk is not known then, and the ring must be opened again to be written.
  [[nodiscard]] Result<void> Make(std::string_view account_id);

  // Stays valid while the caller holds it, also when the account is destroyed: hold it for one
  // piece of work. Errors: kNotFound, kCorrupt (its slot was damaged), kIo.
  [[nodiscard]] Result<std::shared_ptr<const DataKey>> Find(std::string_view account_id);

  // Lets the unwrapped key go; it is wiped once nobody holds it. The account stays.
  void Forget(std::string_view account_id);

  // Overwrites the slot in place with random bytes; the key leaves memory first. kNotFound when
  // there is none (any more), which is as good; other errors as of Make, and then it is to be
  // called again.
  [[nodiscard]] Result<void> Destroy(std::string_view account_id);

  // Wraps every key anew under `new_key`, some at a time, while all else goes on. The new key must
  // be stored for good before: from the first write on the ring opens with it alone, and holds the
  // old one sealed under it until the end. Cut off or failed, it is resumed by Rotate with the same
  // key; with the key that already wraps all, it does nothing. kFailedPrecondition when a rotation
  // to another key is under way.
  [[nodiscard]] Result<RotateSummary> Rotate(DataKey new_key);

  bool is_rotating() const;
  std::size_t account_count() const;
  // Slots that hold a wrapped key and not whose it is, as Open found them.
  std::size_t damaged_count() const { return damaged_count_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Cached {
    std::string account_id;
    std::shared_ptr<const DataKey> key;
  };
  template <typename T>
  using ByAccount = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  KeyRing(std::filesystem::path path, Descriptor file, const KeyRingOptions& options)
      : path_(std::move(path)), file_(std::move(file)), options_(options) {}

  // At Open, before there are other threads.
  Result<void> LoadHeader(DataKey instance_key);
  Result<void> AdoptKey(DataKey instance_key);
  Result<void> LoadSlots();
  Result<void> AddSlot(std::uint32_t number, std::string_view bytes);

  // With write_mutex_ held.
  Result<void> CheckWritable() const;
  Result<void> Sync();
  Result<void> WriteHeader(const key_ring_format::Header& header);
  std::uint32_t wrap_generation() const {
    return header_.generation + (header_.is_rotating ? 1 : 0);
  }

  // The steps of Rotate; each takes write_mutex_. BeginRotation is false when there is nothing to
  // do.
  Result<bool> BeginRotation(DataKey new_key);
  Result<bool> RewrapBatch(std::size_t first_slot, RotateSummary& summary);
  Result<void> RewrapSlot(std::uint32_t number, RotateSummary& summary,
                          std::vector<std::uint32_t>& to_wipe);
  Result<void> WipeOldWraps(const std::vector<std::uint32_t>& slots);
  Result<void> EndRotation();

  // With mutex_ held.
  Result<DataKey> Unwrap(std::string_view account_id, std::uint32_t number) const;
  Result<std::string> ReadSlot(std::uint32_t number) const;
  Result<void> WriteToSlot(std::uint32_t number, std::size_t offset, std::string_view bytes);
  void Cache(std::string_view account_id, std::shared_ptr<const DataKey> key);
  void Uncache(std::string_view account_id);

  const std::filesystem::path path_;
  const Descriptor file_;
  const KeyRingOptions options_;
  std::size_t damaged_count_ = 0;

  std::mutex rotate_mutex_;  // One Rotate at a time; taken before the others.

  std::mutex write_mutex_;  // Held over writing and syncing; taken before mutex_.
  bool is_broken_ = false;  // A sync failed.
  std::uint32_t slot_count_ = 0;
  std::vector<std::uint32_t> free_slots_;

  mutable std::mutex mutex_;        // Held over a read or a write of one slot, never over a sync.
  key_ring_format::Header header_;  // Written with both mutexes held.
  std::optional<DataKey> wrapping_[2];            // Instance keys, by generation % 2.
  ByAccount<std::uint32_t> slots_;                // Accounts and their slots.
  std::list<Cached> cached_;                      // The last used first.
  ByAccount<std::list<Cached>::iterator> where_;  // In cached_.
};

}  // namespace holdfast::crypto
