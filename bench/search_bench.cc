// What does a search through a person's sealed history cost, of 10,000 conversations of 6 messages
// of a kilobyte? One core, SQLite in a folder of /tmp, everything in the page cache. Two cases:
// nothing matches (all of it is read), and a word that every message has (the first page is
// enough). Counters: messages_per_second, and database_bytes.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/random.h"
#include "conversations/history.h"
#include "conversations/schema.h"
#include "conversations/search.h"

namespace holdfast::bench {
namespace {

constexpr int kConversations = 10'000;
constexpr int kMessages = 6;
constexpr std::size_t kMessageBytes = 1'000;
constexpr int kImportedAtOnce = 100;

Result<std::shared_ptr<const crypto::DataKey>> KeyOf(std::string_view) {
  static const auto key = std::make_shared<const crypto::DataKey>(crypto::DataKey::Random());
  return key;
}

std::string Words(Random& random) {
  constexpr std::array<std::string_view, 8> kWords = {"tide",  "moon",  "Über", "water",
                                                      "whale", "ровно", "wind", "42"};
  std::string text = "the ";
  while (text.size() < kMessageBytes) {
    text += kWords[random.Next() % kWords.size()];
    text += ' ';
  }
  return text;
}

// A person who has talked a lot.
class Person {
 public:
  Person() {
    char pattern[] = "/tmp/holdfast-search-bench-XXXXXX";
    CHECK(::mkdtemp(pattern) != nullptr);
    folder_ = pattern;
    auto opened = store::Database::Open({.url = "sqlite:" + (folder_ / "a.db").string()});
    CHECK(opened.has_value());
    database_ = std::move(*opened);
    CHECK(store::Migrate(*database_, "conversations", conversations::Migrations()).has_value());
    conversations::History history(*database_, KeyOf, [] { return 1; });
    Random random(1);
    for (int i = 0; i < kConversations / kImportedAtOnce; ++i) {
      std::vector<conversations::ConversationTree> trees(kImportedAtOnce);
      for (auto& tree : trees) Fill(tree, random);
      CHECK(history.Import("ada", trees).has_value());
    }
  }
  ~Person() {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;

  store::Database& database() { return *database_; }
  std::uintmax_t bytes() const { return std::filesystem::file_size(folder_ / "a.db"); }

 private:
  void Fill(conversations::ConversationTree& tree, Random& random) {
    tree.conversation.title = "About tides";
    for (int i = 0; i < kMessages; ++i) {
      tree.messages.push_back(
          {.id = std::to_string(i),
           .role = i % 2 == 0 ? conversations::Role::kUser : conversations::Role::kAssistant,
           .content = Words(random),
           .created_at_ms = ++time_ms_});
    }
  }

  std::filesystem::path folder_;
  std::unique_ptr<store::Database> database_;
  std::int64_t time_ms_ = 0;
};

void Search(benchmark::State& state, std::string_view query) {
  static Person person;
  std::size_t found = 0;
  for (auto _ : state) {
    const auto results = conversations::Search(person.database(), KeyOf, "ada", query,
                                               {.time_max = std::chrono::minutes(10)});
    CHECK(results.has_value());
    found = results->results.size();
  }
  state.counters["found"] = static_cast<double>(found);
  state.counters["database_bytes"] = static_cast<double>(person.bytes());
  if (found == 0) {
    state.counters["messages_per_second"] = benchmark::Counter(
        kConversations * kMessages, benchmark::Counter::kIsIterationInvariantRate);
  }
}

BENCHMARK_CAPTURE(Search, nothing_matches, "nowhere")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Search, everything_matches, "THE TI")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast::bench

BENCHMARK_MAIN();
