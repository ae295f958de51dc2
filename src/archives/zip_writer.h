// ZipWriter: makes a ZIP file in memory: what somebody takes along is never on the disk in the
// clear. Single-threaded.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace holdfast::archives {

class ZipWriter {
 public:
  // Of all files together, before they are packed; beyond it Add fails with kTooLarge.
  static constexpr std::size_t kBytesMax = std::size_t{512} << 20;

  [[nodiscard]] static Result<std::unique_ptr<ZipWriter>> Make();
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // `name` is of ours, "conversations/1.md".
  Result<void> Add(const std::string& name, std::string content);
  // The file. Nothing can be added after it.
  Result<std::string> Finish();

 private:
  struct State;
  explicit ZipWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::archives
