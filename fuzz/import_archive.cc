// Uploaded files of conversations, as the sandbox's job reads them: what it hands back passes the
// parent's checks.
#include <cstdint>

#include "base/check.h"
#include "conversations/import_job.h"
#include "conversations/tree_codec.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::conversations;
  const ImportFileLimits limits{
      .zip = {.archive_bytes_max = 64 << 10, .entries_max = 64, .unpacked_bytes_max = 64 << 10},
      .texts = {.text_bytes_max = 64 << 10, .conversations_max = 16, .messages_max = 256}};
  const std::string_view file = fuzz::Input(data, size).rest();
  if (const auto trees = ReadImportFile(file, limits)) {
    const std::string bytes = EncodeTrees(*trees);
    const auto again = DecodeTrees(bytes, limits.texts);
    CHECK_MSG(again.has_value(), "{}", again.error().message);
    CHECK(EncodeTrees(*again) == bytes);
  }
  // The same bytes as a child's answer: whatever comes through can be said again.
  if (const auto trees = DecodeTrees(file, limits.texts)) {
    CHECK(DecodeTrees(EncodeTrees(*trees), limits.texts).has_value());
  }
  return 0;
}
