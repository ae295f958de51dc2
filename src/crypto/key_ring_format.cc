#include "crypto/key_ring_format.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "crypto/digest.h"

namespace holdfast::crypto::key_ring_format {
namespace {

constexpr std::string_view kMagic = "HFKEYRNG";
constexpr std::uint32_t kVersion = 1;
constexpr char kInUse = 1;

// Offsets in the header.
constexpr std::size_t kVersionAt = 8, kSlotBytesAt = 12, kSequenceAt = 16, kGenerationAt = 24,
                      kFlagsAt = 28, kKeyIdAt = 32, kNextKeyIdAt = 48, kSealedKeyAt = 64,
                      kHeaderSumAt = 480;
constexpr std::uint32_t kRotatingFlag = 1;

// Offsets in a slot, and in a wrapped key of it.
constexpr std::size_t kIdLengthAt = 1, kIdAt = 8, kHeadSumAt = 40, kWrapsAt = 48;
constexpr std::size_t kSealedAt = 8, kWrapSumAt = 88;
constexpr std::size_t kShortSumBytes = 8;

static_assert(kSealedKeyAt + kSealedKeyBytes <= kHeaderSumAt);
static_assert(kHeaderSumAt + sizeof(Digest256) == kHeaderBytes);
static_assert(kIdAt + kAccountIdBytesMax == kHeadSumAt);
static_assert(kHeadSumAt + kShortSumBytes == kWrapsAt);
static_assert(kSealedAt + kSealedKeyBytes <= kWrapSumAt);
static_assert(kWrapSumAt + kShortSumBytes == kWrapBytes);
static_assert(kWrapsAt + 2 * kWrapBytes <= kSlotBytes);

template <typename Number>
void PutNumber(std::string& bytes, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    bytes[at + i] = static_cast<char>(number >> 8 * i);
}

template <typename Number>
Number TakeNumber(std::string_view bytes, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number |= static_cast<Number>(static_cast<unsigned char>(bytes[at + i])) << 8 * i;
  }
  return number;
}

void Put(std::string& bytes, std::size_t at, std::string_view part) {
  bytes.replace(at, part.size(), part);
}

std::string Sum(std::string_view bytes, std::size_t length) {
  Blake2b hash;
  hash.Update(bytes);
  const Digest256 digest = hash.Finish();
  return {reinterpret_cast<const char*>(digest.data()), length};
}

// Bytes [0, at) are followed by their sum.
bool HasSum(std::string_view bytes, std::size_t at, std::size_t length) {
  return bytes.substr(at, length) == Sum(bytes.substr(0, at), length);
}

std::string_view WrapOf(std::string_view slot, std::uint32_t generation) {
  return slot.substr(WrapOffset(generation), kWrapBytes);
}

bool IsWhole(std::string_view wrap) {
  return wrap.size() == kWrapBytes && HasSum(wrap, kWrapSumAt, kShortSumBytes);
}

// So that a wrapped key opens for its account and its generation alone.
std::string Place(std::string_view account_id, std::uint32_t generation) {
  return fmt::format("key-ring:{}:{}", generation, account_id);
}

}  // namespace

std::string WriteHeader(const Header& header) {
  CHECK(header.key_id.size() == kKeyIdBytes);
  std::string bytes(kHeaderBytes, '\0');
  Put(bytes, 0, kMagic);
  PutNumber(bytes, kVersionAt, kVersion);
  PutNumber(bytes, kSlotBytesAt, static_cast<std::uint32_t>(kSlotBytes));
  PutNumber(bytes, kSequenceAt, header.sequence);
  PutNumber(bytes, kGenerationAt, header.generation);
  Put(bytes, kKeyIdAt, header.key_id);
  if (header.is_rotating) {
    CHECK(header.next_key_id.size() == kKeyIdBytes && header.sealed_key.size() == kSealedKeyBytes);
    PutNumber(bytes, kFlagsAt, kRotatingFlag);
    Put(bytes, kNextKeyIdAt, header.next_key_id);
    Put(bytes, kSealedKeyAt, header.sealed_key);
  }
  Put(bytes, kHeaderSumAt, Sum(bytes.substr(0, kHeaderSumAt), sizeof(Digest256)));
  return bytes;
}

Result<Header> ParseHeader(std::string_view bytes) {
  if (bytes.size() != kHeaderBytes || !bytes.starts_with(kMagic) ||
      !HasSum(bytes, kHeaderSumAt, sizeof(Digest256))) {
    return Fail(ErrorCode::kCorrupt, "not the header of a key ring");
  }
  const auto version = TakeNumber<std::uint32_t>(bytes, kVersionAt);
  if (version != kVersion || TakeNumber<std::uint32_t>(bytes, kSlotBytesAt) != kSlotBytes) {
    return Fail(ErrorCode::kUnsupported, "a key ring of version {}, not {}", version, kVersion);
  }
  Header header;
  header.sequence = TakeNumber<std::uint64_t>(bytes, kSequenceAt);
  header.generation = TakeNumber<std::uint32_t>(bytes, kGenerationAt);
  header.key_id = bytes.substr(kKeyIdAt, kKeyIdBytes);
  header.is_rotating = (TakeNumber<std::uint32_t>(bytes, kFlagsAt) & kRotatingFlag) != 0;
  if (header.is_rotating) {
    header.next_key_id = bytes.substr(kNextKeyIdAt, kKeyIdBytes);
    header.sealed_key = bytes.substr(kSealedKeyAt, kSealedKeyBytes);
  }
  return header;
}

Result<Headers> ParseHeaders(std::string_view bytes) {
  std::optional<Header> newest;
  std::optional<Error> error;
  bool are_equal = true;
  for (int i = 0; i < kHeaderCopies; ++i) {
    const std::size_t offset = std::min(bytes.size(), static_cast<std::size_t>(i) * kHeaderBytes);
    const Result<Header> copy = ParseHeader(bytes.substr(offset, kHeaderBytes));
    if (!copy && (!error || copy.error().code == ErrorCode::kUnsupported)) error = copy.error();
    are_equal = are_equal && copy && (!newest || *newest == *copy);
    if (copy && (!newest || copy->sequence > newest->sequence)) newest = *copy;
  }
  const bool is_later = error && error->code == ErrorCode::kUnsupported;
  if (!newest || is_later) return Fail(*error);
  return Headers{.newest = *std::move(newest), .are_equal = are_equal};
}

std::string WriteSlot(std::string_view account_id, const DataKey& account_key,
                      std::uint32_t generation, const DataKey& wrapping) {
  CHECK(!account_id.empty() && account_id.size() <= kAccountIdBytesMax);
  std::string slot(kSlotBytes, '\0');
  slot[0] = kInUse;
  slot[kIdLengthAt] = static_cast<char>(account_id.size());
  Put(slot, kIdAt, account_id);
  Put(slot, kHeadSumAt, Sum(slot.substr(0, kHeadSumAt), kShortSumBytes));
  Put(slot, WrapOffset(generation), WriteWrap(account_id, account_key, generation, wrapping));
  return slot;
}

Slot ParseSlot(std::string_view bytes) {
  std::string padded;
  if (bytes.size() < kSlotBytes) {
    padded = bytes;
    padded.resize(kSlotBytes, '\0');
    bytes = padded;
  }
  const bool has_wrap = IsWhole(WrapOf(bytes, 0)) || IsWhole(WrapOf(bytes, 1));
  if (!has_wrap) return {};
  const auto length = static_cast<unsigned char>(bytes[kIdLengthAt]);
  const bool has_head = bytes[0] == kInUse && length >= 1 && length <= kAccountIdBytesMax &&
                        HasSum(bytes, kHeadSumAt, kShortSumBytes);
  if (!has_head) return {.state = SlotState::kDamaged, .account_id = {}};
  return {.state = SlotState::kUsed, .account_id = std::string(bytes.substr(kIdAt, length))};
}

std::size_t WrapOffset(std::uint32_t generation) { return kWrapsAt + generation % 2 * kWrapBytes; }

std::string WriteWrap(std::string_view account_id, const DataKey& account_key,
                      std::uint32_t generation, const DataKey& wrapping) {
  std::string wrap(kWrapBytes, '\0');
  PutNumber(wrap, 0, generation);
  Put(wrap, kSealedAt, SealKey(wrapping, account_key, Place(account_id, generation)));
  Put(wrap, kWrapSumAt, Sum(wrap.substr(0, kWrapSumAt), kShortSumBytes));
  return wrap;
}

bool HasWrap(std::string_view slot, std::uint32_t generation) {
  const std::string_view wrap = WrapOf(slot, generation);
  return IsWhole(wrap) && TakeNumber<std::uint32_t>(wrap, 0) == generation;
}

Result<DataKey> OpenWrap(std::string_view slot, std::string_view account_id,
                         std::uint32_t generation, const DataKey& wrapping) {
  if (!HasWrap(slot, generation)) {
    return Fail(ErrorCode::kCorrupt, "no wrapped key of generation {}", generation);
  }
  return OpenKey(wrapping, WrapOf(slot, generation).substr(kSealedAt, kSealedKeyBytes),
                 Place(account_id, generation));
}

}  // namespace holdfast::crypto::key_ring_format
