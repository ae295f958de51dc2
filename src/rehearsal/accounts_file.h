// Accounts of the service that a plan's callers use, in a JSON file beside the plan:
//
//   {"keys": ["sk-..."], "people": [{"name": "ada", "password": "...", "cookie": "..."}]}
//
// A cookie is that of a session under way, "name=value"; a person may have none. The file can be
// made by MakeAccounts, whose n-th key is the n-th person's. Value type and free functions;
// thread-safe.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/endpoint.h"

namespace holdfast::rehearsal {

inline constexpr std::size_t kAccountsMax = 100'000;

struct Person {
  std::string name;
  std::string password;
  std::string cookie;
};

struct Accounts {
  std::vector<std::string> keys;
  std::vector<Person> people;
};

// Errors: kIo, kNotFound, kTooLarge, kInvalidArgument.
[[nodiscard]] Result<Accounts> ReadAccounts(const std::filesystem::path& path);

// For its owner's eyes only. Errors: kIo, kPermissionDenied.
[[nodiscard]] Result<void> WriteAccounts(const std::filesystem::path& path,
                                         const Accounts& accounts);

// Signs up `count` people with the service at `target`, which has to be one's own, one after the
// other from 127.0.0.1, or from addresses that a proxy there names (Plan::is_through_proxy), and
// makes a key for each. They go to `accounts`, also those made before an error. Blocks. Errors:
// kUnavailable, kPermissionDenied (the service says no, with its reason).
[[nodiscard]] Result<void> MakeAccounts(const net::Endpoint& target, int count,
                                        bool is_through_proxy, Accounts& accounts);

}  // namespace holdfast::rehearsal
