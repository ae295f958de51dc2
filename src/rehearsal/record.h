// The record of a rehearsal, in a folder of its own:
//
//   observed.jsonl  a line of what the run is, then a line for each attempt, and for each look at a
//                   process's memory. Groups are opaque numbers.
//   truth.json      which number is which group and what it truly is, the plan, the seed, and the
//                   digest of observed.jsonl, so that the two cannot be mixed up.
//
// Only the score reads the truth. The recorder is single-threaded; the rest are free functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"
#include "rehearsal/attempt.h"
#include "rehearsal/plan.h"

namespace holdfast::rehearsal {

inline constexpr std::string_view kObservedName = "observed.jsonl";
inline constexpr std::string_view kTruthName = "truth.json";
inline constexpr std::string_view kObservedFormat = "holdfast.rehearsal.observed.1";
inline constexpr std::string_view kTruthFormat = "holdfast.rehearsal.truth.1";

struct MemoryLook {
  std::string process;
  Micros at = 0;
  std::uint64_t kib = 0;
};

class Recorder {
 public:
  // Makes the folder. Errors: kAlreadyExists (a record is there), kIo, kPermissionDenied.
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> Open(const std::filesystem::path& folder,
                                                              const Plan& plan, bool is_unattacked);

  // The opaque number of the plan's group of that index.
  std::uint32_t Opaque(std::size_t group) const { return opaque_[group]; }
  void Add(const Attempt& attempt);
  void Add(const MemoryLook& look);
  std::uint64_t attempt_count() const { return attempt_count_; }

  // Writes the truth. Errors: kIo, kDiskFull.
  [[nodiscard]] Result<void> Seal();

 private:
  Recorder() = default;
  void WriteLine();

  std::filesystem::path folder_;
  Plan plan_;
  bool is_unattacked_ = false;
  std::vector<std::uint32_t> opaque_;
  std::ofstream observed_;
  crypto::Sha256 digest_;
  std::string line_;
  std::uint64_t attempt_count_ = 0;
};

// What the score reads: both files, the numbers resolved.
struct Record {
  Plan plan;
  bool is_unattacked = false;     // Hostile groups were aimed at a sink.
  std::vector<Attempt> attempts;  // `group` is the plan's index here.
  std::vector<MemoryLook> memory;
};

// Errors: kNotFound, kIo, kCorrupt (a line is not one of ours, or the digest is another's).
[[nodiscard]] Result<Record> ReadRecord(const std::filesystem::path& folder);

}  // namespace holdfast::rehearsal
