// FolderWatch: waits until something in a folder changes, for who follows a journal from a
// terminal. Single-threaded.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/result.h"
#include "crypto/owned_file.h"

namespace holdfast::journal {

class FolderWatch {
 public:
  // Errors: of the system; kNotFound when there is no folder.
  [[nodiscard]] static Result<FolderWatch> Open(const std::filesystem::path& folder);

  // Until something has changed since the last call, or the time is over.
  void Wait(std::chrono::milliseconds time_max);

 private:
  explicit FolderWatch(crypto::Descriptor file) : file_(std::move(file)) {}

  crypto::Descriptor file_;
};

}  // namespace holdfast::journal
