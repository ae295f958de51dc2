// LogInTable: log-ins at providers that are under way: between sending somebody there and their
// coming back, and between that and what they do here with it. Everything is kept here and nothing
// of it in an address; a cookie binds it to the browser that began. An entry is good for
// kLifeMs and, on its way back, once.
//
// Limits: kLogInsMax in all and kLogInsOfClientMax of one client; beyond, the oldest gives way, so
// that a crowd of stale ones keeps nobody out. Thread-safe; time is passed in.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "oidc/provider.h"

namespace holdfast::oidc {

inline constexpr std::int64_t kLifeMs = 10 * 60 * 1000;
inline constexpr std::size_t kLogInsMax = 8192;
inline constexpr std::size_t kLogInsOfClientMax = 32;

enum class Purpose : std::uint8_t {
  kLogIn,
  kLink,     // To the account that asks.
  kConfirm,  // It is still them who own the account that asks.
};

// One that is under way.
struct LogIn {
  std::string provider;  // Its id.
  Purpose purpose = Purpose::kLogIn;
  std::string session;  // Of the account that asks, in this browser; empty for kLogIn.
  std::string section;  // Of the settings, to go on at; empty for kLogIn.
  Secrets secrets;
  std::int64_t began_at_ms = 0;
};

class LogInTable {
 public:
  // `browser`: the token in its cookie.
  void Begin(LogIn log_in, std::string_view browser, std::string_view client);
  // Takes it out, in any case: who shows a state of another browser has stolen it. nullopt: none
  // such, too old, used, or begun in another browser.
  std::optional<LogIn> Take(std::string_view state, std::string_view browser, std::int64_t now_ms);

  std::size_t size() const;

 private:
  struct Entry {
    LogIn log_in;
    std::string browser;  // Hash.
    std::string client;
  };
  using Entries = std::list<Entry>;  // Oldest first.

  void Drop(Entries::iterator entry);

  mutable std::mutex mutex_;
  Entries entries_;
  std::map<std::string, Entries::iterator, std::less<>> by_state_;
  std::map<std::string, std::size_t, std::less<>> of_client_;
};

}  // namespace holdfast::oidc
