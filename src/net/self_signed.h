// A certificate that a server signs itself, for one that has no name in public or is being tried
// out: browsers warn of it until its file is given to them. Free functions; they block.
#pragma once

#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast::net {

// The most that browsers take of any certificate is 398.
inline constexpr int kSelfSignedDays = 397;
inline constexpr std::size_t kSelfSignedNamesMax = 100;

struct SelfSignedFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;  // For its owner alone.
};

// Makes certificate.pem and certificate.key in `folder`: an EC key on P-256, and a certificate,
// valid from `now` on, for `names`, which are host names ("*.example" too) or addresses, for
// localhost and for the loopback addresses. Errors: kInvalidArgument (a name), kTooLarge
// (kSelfSignedNamesMax), kAlreadyExists (a file: nothing is overwritten), kNotFound (the folder),
// kIo.
[[nodiscard]] Result<SelfSignedFiles> WriteSelfSigned(const std::filesystem::path& folder,
                                                      const std::vector<std::string>& names,
                                                      std::time_t now);

}  // namespace holdfast::net
