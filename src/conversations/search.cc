#include "conversations/search.h"

#include <algorithm>

#include "conversations/internal/rows.h"

namespace holdfast::conversations {
namespace {

using store::Row;
using store::Rows;
using store::Transaction;
using Clock = std::chrono::steady_clock;

constexpr int kPageRows = 500;

// Two bytes are 110xxxxx 10xxxxxx.
constexpr char32_t kTwoBytesMin = 0x80;
constexpr char32_t kTwoBytesMax = 0x7FF;

bool IsBetween(char32_t letter, char32_t first, char32_t last) {
  return letter >= first && letter <= last;
}

// Pairs of a capital and its small letter, side by side. U+0130 and U+0131 are not a pair, U+0138
// and U+0149 have no capital, U+017F is an s.
char32_t FoldExtendedA(char32_t letter) {
  const bool is_even_capital = IsBetween(letter, 0x100, 0x137) || IsBetween(letter, 0x14A, 0x177);
  const bool is_odd_capital = IsBetween(letter, 0x139, 0x148) || IsBetween(letter, 0x179, 0x17E);
  if (letter == 0x130 || letter == 0x131) return letter;
  if (letter == 0x178) return 0xFF;
  if (is_even_capital) return letter | 1;
  if (is_odd_capital && letter % 2 == 1) return letter + 1;
  return letter;
}

char32_t Fold(char32_t letter) {
  if (IsBetween(letter, 0xC0, 0xDE) && letter != 0xD7) return letter + 0x20;
  if (IsBetween(letter, 0x100, 0x17E)) return FoldExtendedA(letter);
  if (IsBetween(letter, 0x391, 0x3AB)) return letter + 0x20;
  if (letter == 0x386) return 0x3AC;
  if (IsBetween(letter, 0x388, 0x38A)) return letter + 0x25;
  if (letter == 0x38C) return 0x3CC;
  if (letter == 0x38E || letter == 0x38F) return letter + 0x3F;
  if (letter == 0x3C2) return 0x3C3;  // The sigma at the end of a word.
  if (IsBetween(letter, 0x400, 0x40F)) return letter + 0x50;
  if (IsBetween(letter, 0x410, 0x42F)) return letter + 0x20;
  return letter;
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

class Searcher {
 public:
  Searcher(ColumnSealer sealer, std::string_view account_id, std::string_view query,
           const SearchLimits& limits, Clock::time_point end)
      : sealer_(std::move(sealer)),
        account_id_(account_id),
        query_(FoldCase(query)),
        limits_(limits),
        end_(end) {}

  bool is_over(Clock::time_point now) const {
    return now >= end_ || found_.results.size() >= limits_.results_max;
  }

  // Looks through the next page; false: there is none.
  Result<bool> Titles(Transaction& t) {
    TRY_ASSIGN(const Rows rows,
               t.Query(fmt::format("SELECT id, title, created_at FROM conversations"
                                   " WHERE account_id = :account AND (created_at, id) < (:at, :id)"
                                   " ORDER BY created_at DESC, id DESC LIMIT {}",
                                   kPageRows),
                       {account_id_, before_ms_, before_id_}));
    for (const Row& row : rows) {
      TRY_ASSIGN(const std::string title,
                 sealer_.Open(kTitle, row.Text(0), std::string_view(row.Text(1))));
      Match(title, {.conversation = row.Text(0), .title = title, .created_at_ms = row.Number(2)});
    }
    return GoOn(rows, 2);
  }

  Result<bool> Messages(Transaction& t) {
    TRY_ASSIGN(
        const Rows rows,
        t.Query(fmt::format("SELECT m.id, m.content, m.created_at, c.id, c.title FROM messages m"
                            " JOIN conversations c ON c.id = m.conversation_id"
                            " WHERE m.account_id = :account AND (m.created_at, m.id) < (:at, :id)"
                            " ORDER BY m.created_at DESC, m.id DESC LIMIT {}",
                            kPageRows),
                {account_id_, before_ms_, before_id_}));
    for (const Row& row : rows) {
      TRY_ASSIGN(const std::string content,
                 sealer_.Open(kContent, row.Text(0), std::string_view(row.Text(1))));
      if (!Match(content, {.conversation = row.Text(3),
                           .message = row.Text(0),
                           .created_at_ms = row.Number(2)})) {
        continue;
      }
      TRY_ASSIGN(found_.results.back().title,
                 sealer_.Open(kTitle, row.Text(3), std::string_view(row.Text(4))));
    }
    return GoOn(rows, 2);
  }

  void Restart() {
    before_ms_ = INT64_MAX;
    before_id_.clear();
  }

  SearchResults Take(bool is_complete) {
    found_.is_complete = is_complete;
    return std::move(found_);
  }

 private:
  bool Match(std::string_view text, SearchResult result) {
    if (found_.results.size() >= limits_.results_max) return false;
    const std::size_t place = FoldCase(text).find(query_);
    if (place == std::string::npos) return false;
    result.snippet = Snippet(text, place, query_.size());
    found_.results.push_back(std::move(result));
    return true;
  }

  bool GoOn(const Rows& rows, std::size_t time_column) {
    if (rows.size() < static_cast<std::size_t>(kPageRows)) return false;
    before_ms_ = rows.back().Number(time_column);
    before_id_ = rows.back().Text(0);
    return true;
  }

  const ColumnSealer sealer_;
  const std::string account_id_;
  const std::string query_;
  const SearchLimits limits_;
  const Clock::time_point end_;
  SearchResults found_;
  std::int64_t before_ms_ = INT64_MAX;
  std::string before_id_;
};

}  // namespace

std::string FoldCase(std::string_view text) {
  std::string folded(text);
  for (std::size_t i = 0; i < folded.size(); ++i) {
    const auto lead = static_cast<unsigned char>(folded[i]);
    if (lead >= 'A' && lead <= 'Z') folded[i] = static_cast<char>(lead + ('a' - 'A'));
    if ((lead & 0xE0) != 0xC0 || i + 1 == folded.size() || !IsContinuation(folded[i + 1])) continue;
    const char32_t letter = static_cast<char32_t>(lead & 0x1F) << 6 |
                            static_cast<char32_t>(static_cast<unsigned char>(folded[i + 1]) & 0x3F);
    const char32_t small = Fold(letter);
    if (!IsBetween(small, kTwoBytesMin, kTwoBytesMax)) continue;
    folded[i] = static_cast<char>(0xC0 | (small >> 6));
    folded[++i] = static_cast<char>(0x80 | (small & 0x3F));
  }
  return folded;
}

std::string Snippet(std::string_view text, std::size_t place, std::size_t bytes) {
  std::size_t begin = place - std::min(place, kSnippetBytes);
  std::size_t end = std::min(text.size(), place + bytes + kSnippetBytes);
  while (begin < place && IsContinuation(text[begin])) ++begin;
  while (end < text.size() && IsContinuation(text[end])) ++end;
  std::string snippet = begin > 0 ? "…" : "";
  snippet += text.substr(begin, end - begin);
  if (end < text.size()) snippet += "…";
  std::ranges::replace_if(
      snippet, [](char letter) { return letter == '\n' || letter == '\r' || letter == '\t'; }, ' ');
  return snippet;
}

Result<SearchResults> Search(store::Database& database, const DataKeys& keys,
                             std::string_view account_id, std::string_view query,
                             const SearchLimits& limits,
                             const std::function<Clock::time_point()>& clock) {
  if (query.empty()) return Fail(ErrorCode::kInvalidArgument, "a search for nothing");
  if (query.size() > kQueryBytesMax) {
    return Fail(ErrorCode::kTooLarge, "a search for more than {} bytes", kQueryBytesMax);
  }
  TRY_ASSIGN(ColumnSealer sealer, SealerOf(keys, account_id));
  Searcher searcher(std::move(sealer), account_id, query, limits, clock() + limits.time_max);
  // A transaction a page: a long search keeps no old state of the database alive.
  for (const auto look : {&Searcher::Titles, &Searcher::Messages}) {
    searcher.Restart();
    for (bool has_more = true; has_more;) {
      if (searcher.is_over(clock())) return searcher.Take(false);
      TRY_ASSIGN(has_more, database.Read([&](Transaction& t) { return (searcher.*look)(t); }));
    }
  }
  return searcher.Take(true);
}

}  // namespace holdfast::conversations
