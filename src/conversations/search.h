// Search over one's own history. The texts are sealed, so there is no index to ask: a search opens
// titles and messages, newest first, until it has enough or its time is over. Free functions;
// thread-safe; Search blocks, so it belongs on a net::BlockingPool.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conversations/conversation.h"
#include "store/database.h"

namespace holdfast::conversations {

inline constexpr std::size_t kQueryBytesMax = 256;
// Around a match, on each side.
inline constexpr std::size_t kSnippetBytes = 80;

struct SearchLimits {
  std::size_t results_max = 50;
  std::chrono::milliseconds time_max{2'000};
};

struct SearchResult {
  std::string conversation = {};
  std::string title = {};
  std::optional<std::string> message = {};  // nullopt: the title matches.
  std::string snippet = {};
  std::int64_t created_at_ms = 0;
};

struct SearchResults {
  std::vector<SearchResult> results;
  // False: the limits ended it.
  bool is_complete = true;
};

// `clock` is asked once a page of rows. Errors: kInvalidArgument when the query is empty, kTooLarge
// at kQueryBytesMax, those of the database and the keys.
[[nodiscard]] Result<SearchResults> Search(
    store::Database& database, const DataKeys& keys, std::string_view account_id,
    std::string_view query, const SearchLimits& limits = {},
    const std::function<std::chrono::steady_clock::time_point()>& clock =
        std::chrono::steady_clock::now);

// The text in small letters, byte for byte as long, so that a place in one is the same place in the
// other: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic by Unicode's simple case folding, as
// far as both letters are two bytes long. All else stays.
std::string FoldCase(std::string_view text);

// What stands around `place` (of `bytes` bytes), whole characters, on one line; "…" where text is
// left out.
std::string Snippet(std::string_view text, std::size_t place, std::size_t bytes);

}  // namespace holdfast::conversations
