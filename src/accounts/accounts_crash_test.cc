// kill -9 before every statement and commit, and after every commit, of a story of accounts, on
// both databases: what was acknowledged is there afterwards, and what was under way can be done
// again.
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounts/accounts.h"
#include "base/random.h"
#include "base/test_rounds.h"
#include "store/testing/both_databases.h"

namespace holdfast::accounts {
namespace {

constexpr TimeMs kNow = 1'800'000'000'000;
constexpr const char* kPassword = "otter kettle violin marble";
constexpr const char* kOther = "granite pillow sunday engine";
constexpr std::array<std::byte, crypto::DataKey::kBytes> kInstanceKey{};

// The accounts over a database and a folder that outlive them.
struct House {
  House(std::unique_ptr<store::Database> opened, const std::filesystem::path& folder)
      : database(std::move(opened)),
        ring(*crypto::KeyRing::Open(folder / "keys", crypto::DataKey::FromBytes(kInstanceKey))),
        audit(*audit::Log::Open(folder / "audit.log")) {
    AccountsOptions options;
    options.mode = Mode::kOpen;
    options.cost = {1, 8 << 10};  // Of tests alone.
    accounts = *Accounts::Open(*database, *ring, *audit, key, options, kNow);
  }

  const crypto::HashKey key = crypto::HashKey::Random();
  std::unique_ptr<store::Database> database;
  std::unique_ptr<crypto::KeyRing> ring;
  std::unique_ptr<audit::Log> audit;
  std::unique_ptr<Accounts> accounts;
};

// What an act was told: a token, or nothing.
using Told = Outcome<std::string>;

bool HasPassword(House& house, std::string_view name, const char* password) {
  const auto found = house.accounts->people().FindToLogIn(name);
  if (!found || !*found) return false;
  Identity who;
  who.account_id = (*found)->account.id;
  return house.accounts->CheckOwner(who, Secret(password), 0) && house.ring->Find(who.account_id);
}

std::string IdOf(House& house, std::string_view name) {
  const auto found = house.accounts->people().FindToLogIn(name);
  return found && *found ? (*found)->account.id : std::string();
}

Told SignUp(House& house, const std::string& name, std::optional<std::string> email = {}) {
  const auto done =
      house.accounts->SignUp({.name = name, .email = std::move(email), .invitation = {}},
                             Secret(kPassword), "Firefox", kNow);
  if (!done) return std::unexpected(done.error());
  return done->session ? std::string(done->session->Reveal()) : std::string();
}

Told LogIn(House& house, std::string_view name, const char* password) {
  const auto done = house.accounts->LogIn(name, Secret(password), "curl", kNow);
  if (!done) return std::unexpected(done.error());
  return std::string(done->session->Reveal());
}

template <typename T>
Told Nothing(const Outcome<T>& done) {
  if (!done) return std::unexpected(done.error());
  return std::string();
}

bool HasMail(House& house, std::string_view to, std::string_view part) {
  const auto mails = house.accounts->outbox().List(100);
  return mails && std::ranges::any_of(*mails, [&](const Mail& mail) {
           return mail.to == to && mail.text.find(part) != std::string::npos;
         });
}

struct Act {
  const char* name;
  std::function<Told(House&)> run;
  // Whether its effect is there, given what it told.
  std::function<bool(House&, const std::string& told)> holds;
  // What it may say when it is run again after a crash, since it had been done.
  std::optional<Reason> done_before = {};
  bool is_undone_later = false;
};

std::vector<Act> AdasStory() {
  return {
      {"ada signs up", [](House& h) { return SignUp(h, "ada"); },
       [](House& h, const std::string&) { return !IdOf(h, "ada").empty(); }, Reason::kNameTaken},
      {"ada changes her password",
       [](House& h) -> Told {
         const Told session = LogIn(h, "ada", kPassword);
         if (!session) return session;
         const auto who = h.accounts->sessions().Find(*session, kNow);
         return Nothing(h.accounts->ChangePassword(*who, Secret(kPassword), Secret(kOther), kNow));
       },
       [](House& h, const std::string&) { return HasPassword(h, "ada", kOther); },
       Reason::kWrongCredentials},
      {"ada logs in", [](House& h) { return LogIn(h, "ada", kOther); },
       [](House& h, const std::string& told) {
         const auto found = h.accounts->sessions().Find(told, kNow);
         return found || found.error().reason == Reason::kAccountPaused;
       }},
      {"ada makes a key",
       [](House& h) -> Told {
         const auto made = h.accounts->keys().Make(
             IdOf(h, "ada"),
             {.name = "laptop", .scope = {}, .expires_at = {}, .tokens_per_day = {}}, kNow);
         if (!made) return std::unexpected(made.error());
         return std::string(made->key.Reveal());
       },
       [](House& h, const std::string& told) {
         const auto found = h.accounts->keys().Find(told, kNow);
         return found || found.error().reason == Reason::kAccountPaused;
       }},
      {"an answer is charged",
       [](House& h) {
         return Nothing(h.accounts->ledger().Charge({.request_id = "one",
                                                     .account_id = IdOf(h, "ada"),
                                                     .key_id = "",
                                                     .prompt_tokens = 3,
                                                     .output_tokens = 4},
                                                    false, kNow));
       },
       [](House& h, const std::string&) {
         return h.accounts->ledger().TokensToday(IdOf(h, "ada"), kNow) == 7;
       }},
      {"ada is paused",
       [](House& h) {
         return Nothing(h.accounts->people().Restrict(IdOf(h, "ada"), {"noise", std::nullopt}));
       },
       [](House& h, const std::string&) {
         return (*h.accounts->people().FindToLogIn("ada"))->account.IsRestricted(kNow);
       },
       {},
       true},
      {"ada is let in again",
       [](House& h) { return Nothing(h.accounts->people().Unrestrict(IdOf(h, "ada"))); },
       [](House& h, const std::string&) {
         return !(*h.accounts->people().FindToLogIn("ada"))->account.IsRestricted(kNow);
       }},
  };
}

std::vector<Act> OthersStory() {
  return {
      {"bob signs up", [](House& h) { return SignUp(h, "bob"); },
       [](House& h, const std::string&) { return HasPassword(h, "bob", kPassword); },
       Reason::kNameTaken, true},
      {"bob leaves",
       [](House& h) -> Told {
         const Told session = LogIn(h, "bob", kPassword);
         if (!session) return session;
         const auto who = h.accounts->sessions().Find(*session, kNow);
         return Nothing(h.accounts->Leave(*who, Secret(kPassword), kNow));
       },
       [](House& h, const std::string&) { return IdOf(h, "bob").empty(); },
       Reason::kWrongCredentials},
      {"registration asks for a mail address",
       [](House& h) {
         return Nothing(h.accounts->registration().SetRules(Mode::kEmail, {}, kNow));
       },
       [](House& h, const std::string&) {
         return h.accounts->registration().rules().mode == Mode::kEmail;
       }},
      {"eve signs up by mail", [](House& h) { return SignUp(h, "eve", "eve@example.org"); },
       [](House& h, const std::string&) {
         return HasPassword(h, "eve", kPassword) && HasMail(h, "eve@example.org", "/verify?token=");
       }},
      {"ada's friend is invited",
       [](House& h) -> Told {
         const auto made = h.accounts->invitations().Make("a friend", 1, std::nullopt, kNow);
         if (!made) return std::unexpected(made.error());
         return std::string(made->code.Reveal());
       },
       [](House& h, const std::string& told) {
         return h.accounts->invitations().IsGood(told, kNow) == true;
       }},
  };
}

const std::vector<Act>& Story() {
  static const std::vector<Act> story = [] {
    std::vector<Act> acts = AdasStory();
    for (Act& act : OthersStory()) acts.push_back(std::move(act));
    return acts;
  }();
  return story;
}

// Tells the one end of a pipe which act is done, with what it told.
void Acknowledge(int fd, std::size_t act, const std::string& told) {
  const std::string line = std::to_string(act) + " " + told + "\n";
  if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(2);
}

class CrashTest : public store::testing::BothDatabases {
 protected:
  // Runs the story in a process of its own, which ends itself at the given boundary. Returns what
  // was acknowledged; `is_whole`: the story came to its end.
  std::map<std::size_t, std::string> RunUntil(int boundary, bool& is_whole) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      int left = boundary;
      store::DatabaseOptions options;
      options.at_boundary = [&left] {
        if (--left == 0) ::kill(::getpid(), SIGKILL);
      };
      House house(Open(options), folder());
      for (std::size_t i = 0; i < Story().size(); ++i) {
        const Told told = Story()[i].run(house);
        if (!told) ::_exit(3);
        Acknowledge(ends[1], i, *told);
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    std::array<char, 512> buffer{};
    for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    is_whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    EXPECT_TRUE(is_whole || WIFSIGNALED(status)) << "an act failed: " << WEXITSTATUS(status);
    std::map<std::size_t, std::string> told;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t space = text.find(' ', at);
      const std::size_t end = text.find('\n', at);
      told[std::stoul(text.substr(at, space - at))] = text.substr(space + 1, end - space - 1);
      at = end + 1;
    }
    return told;
  }

  // What the last acknowledged acts have done is there; the story can be told to its end.
  void GoOn(const std::map<std::size_t, std::string>& told) {
    House house(Open(), folder());
    for (const auto& [i, words] : told) {
      // The act after it may have undone it, though that was not acknowledged.
      if (Story()[i].is_undone_later) continue;
      EXPECT_TRUE(Story()[i].holds(house, words)) << Story()[i].name << " was acknowledged";
    }
    for (std::size_t i = told.size(); i < Story().size(); ++i) {
      SCOPED_TRACE(Story()[i].name);
      const Told again = Story()[i].run(house);
      const bool is_first = i == told.size();
      const bool was_done = is_first && !again && again.error().reason == Story()[i].done_before;
      ASSERT_TRUE(again || was_done) << Word(again.error().reason) << again.error().detail;
      EXPECT_TRUE(Story()[i].holds(house, again.value_or("")));
    }
    EXPECT_TRUE(HasPassword(house, "ada", kOther));
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, CrashTest, store::testing::kBoth, store::testing::KindName);

// Every run looks at each boundary of SQLite, and at some of PostgreSQL, where a new database takes
// half a second; the slow tests at all of both.
TEST_P(CrashTest, NothingAcknowledgedIsLostWhereverTheProcessIsKilled) {
  constexpr int kBoundariesMax = 1000;
  const int step = GetParam() == store::Kind::kSqlite ? 1 : std::max(1, 16 / TestRounds(1));
  int kills = 0;
  for (int boundary = 1; boundary < kBoundariesMax; boundary += step) {
    SCOPED_TRACE(boundary);
    Renew();
    bool is_whole = false;
    const auto told = RunUntil(boundary, is_whole);
    if (is_whole) break;
    ++kills;
    GoOn(told);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(kills, 100 / step) << "the story is longer than that";
  RecordProperty("kills", kills);
}

}  // namespace
}  // namespace holdfast::accounts
