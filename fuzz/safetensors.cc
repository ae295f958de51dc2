// safetensors: every tensor that is accepted lies inside the file.
#include <cstdint>
#include <numeric>

#include "base/check.h"
#include "weights/safetensors_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  // A heap copy of exactly this size, so that one byte too far is seen.
  const std::vector<std::byte> file(reinterpret_cast<const std::byte*>(data),
                                    reinterpret_cast<const std::byte*>(data) + size);
  const auto tensors = weights::ReadSafetensors(file, "fuzz.safetensors");
  if (!tensors) {
    CHECK(tensors.error().message.find("fuzz.safetensors") != std::string::npos);
    return 0;
  }
  for (const weights::NamedTensor& tensor : *tensors) {
    const std::size_t bytes = tensor.view.Bytes();
    if (bytes == 0) continue;
    CHECK(tensor.view.data >= file.data() && bytes <= file.size());
    CHECK(tensor.view.data + bytes <= file.data() + file.size());
  }
  return 0;
}
