// Key ring: any bytes are a header, a slot, a wrapped key, a sealed text and an encoded text, or
// are refused; what is read is written as it was.
#include <cstdint>

#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/key_ring_format.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  namespace format = crypto::key_ring_format;
  const std::string_view bytes = fuzz::Input(data, size).rest();
  const crypto::DataKey key = crypto::DataKey::Random();
  if (const auto header = format::ParseHeader(bytes)) {
    const auto again = format::ParseHeader(format::WriteHeader(*header));
    CHECK(again && *again == *header);
  }
  const std::string_view slot_bytes = bytes.substr(0, format::kSlotBytes);
  const format::Slot slot = format::ParseSlot(slot_bytes);
  CHECK((slot.state == format::SlotState::kUsed) == !slot.account_id.empty());
  CHECK(slot.account_id.size() <= format::kAccountIdBytesMax);
  if (slot_bytes.size() == format::kSlotBytes) {
    for (std::uint32_t generation = 0; generation < 3; ++generation) {
      CHECK(!format::OpenWrap(slot_bytes, slot.account_id, generation, key));
    }
  }
  CHECK(!crypto::Open(key, bytes, "place"));
  if (const auto decoded = crypto::DecodeBase64(bytes)) {
    CHECK(crypto::EncodeBase64(*decoded) == bytes);
  }
  if (const auto decoded = crypto::DecodeBase64Url(bytes)) {
    CHECK(crypto::EncodeBase64Url(*decoded) == bytes);
  }
  if (const auto decoded = crypto::DecodeBase32(bytes)) {
    CHECK(crypto::EncodeBase32(*decoded) == bytes);
  }
  return 0;
}
