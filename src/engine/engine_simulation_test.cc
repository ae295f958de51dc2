// A simulated day of the engine, from a seed: random arrivals, conversations that go on, cancels,
// deadlines, readers who do not read, models that fail, limits from cramped to roomy. Time is
// virtual and the model a fake whose tokens betray a wrong block. At every step the books are
// checked; every answer must be what the request would have got alone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/test_rounds.h"
#include "engine/engine_loop.h"
#include "engine/testing/fake_model.h"
#include "engine/testing/run_alone.h"

namespace holdfast::engine {
namespace {

using namespace std::chrono_literals;
using testing::FakeModel;

// Random choices in the order they are asked for.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  // Uniform in [min, max].
  std::int64_t Roll(std::int64_t min, std::int64_t max) {
    return min + static_cast<std::int64_t>(RandomUnit(seed_, count_++) *
                                           static_cast<double>(max - min + 1));
  }
  bool Chance(double probability) { return RandomUnit(seed_, count_++) < probability; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

struct Totals {
  std::int64_t requests = 0;
  std::int64_t steps = 0;
  std::int64_t preemptions = 0;
  std::int64_t cached_tokens = 0;
  std::map<FinishReason, std::int64_t> finishes;
};

class Day {
 public:
  explicit Day(std::uint64_t seed)
      : dice_(seed),
        options_(RollOptions(dice_)),
        block_count_(dice_.Roll(8, 120)),
        arrival_chance_(static_cast<double>(dice_.Roll(5, 90)) / 100),
        loop_(model_, options_, block_count_, /*hash_seed=*/seed, EngineMetrics(&registry_),
              [this] { return now_; }) {
    model_.before_forward = [this](auto slices) {
      CheckSlices(slices);
      now_ += dice_.Roll(0, 9) * 1ms;  // Sometimes longer than the step target.
    };
  }

  void Run(std::int64_t request_count, Totals& totals) {
    while (request_count > 0 || !guests_.empty()) {
      while (request_count > 0 && loop_.scheduler().waiting_count() < options_.queue_max &&
             dice_.Chance(arrival_chance_)) {
        Arrive();
        --request_count;
        ++totals.requests;
      }
      for (Guest& guest : guests_) {
        if (!guest.is_cancelled && dice_.Chance(guest.cancel_chance)) {
          guest.stream->Cancel();
          guest.is_cancelled = true;
        }
      }
      step_began_ = now_;
      loop_.Step();
      ++step_;
      loop_.scheduler().CheckInvariants();
      ReadStreams(totals);
      ASSERT_FALSE(::testing::Test::HasFailure()) << "at step " << step_;
      now_ += 1ms;
    }
    EXPECT_TRUE(loop_.is_idle());
    const PrefixCache& cache = loop_.scheduler().cache();
    EXPECT_EQ(cache.pool().reference_count(), 0);
    EXPECT_EQ(cache.available_count(), block_count_);
    totals.steps += step_;
    totals.preemptions += PreemptionCount();
  }

 private:
  // A request and what its reader knows.
  struct Guest {
    Request request;
    std::unique_ptr<TokenStream> stream;
    std::vector<TokenId> alone;  // The answer it must get; empty if poisoned.
    std::vector<TokenId> answer;
    std::int64_t step_max = 0;  // Ends by this step, or somebody starves.
    double cancel_chance = 0;
    double read_chance = 1;
    bool is_cancelled = false;
    bool is_poisoned = false;
    bool is_done = false;
  };

  static EngineOptions RollOptions(Dice& dice) {
    EngineOptions options;
    options.queue_max = dice.Roll(1, 60);
    options.running_max = dice.Roll(1, 20);
    options.step_tokens_max = options.running_max + dice.Roll(0, 60);
    options.block_tokens = dice.Roll(1, 9);
    options.step_target = dice.Roll(0, 5) * 1ms;
    options.stream_capacity = dice.Roll(4, 80);
    return options;
  }

  // Most prompts go on from something that somebody, usually the caller, has said or got.
  std::vector<TokenId> RollPrompt(const std::string& caller, std::int64_t count_max) {
    std::vector<TokenId> prompt;
    for (int tries = dice_.Chance(0.7) ? 4 : 0; tries > 0 && !said_.empty(); --tries) {
      const auto& [speaker, tokens] = said_[dice_.Roll(0, said_.size() - 1)];
      const auto count = std::min<std::int64_t>(tokens.size(), dice_.Roll(1, count_max));
      prompt.assign(tokens.begin(), tokens.begin() + count);
      if (speaker == caller) break;
    }
    const std::int64_t count =
        std::clamp<std::int64_t>(prompt.size() + dice_.Roll(0, 30), 1, count_max);
    while (static_cast<std::int64_t>(prompt.size()) < count) {
      prompt.push_back(static_cast<TokenId>(dice_.Roll(0, FakeModel::kPoison - 1)));
    }
    return prompt;
  }

  SamplingParams RollSampling() {
    SamplingParams params;
    params.seed = dice_.Roll(0, 1 << 30);
    if (dice_.Chance(0.3)) params.temperature = 0;
    if (dice_.Chance(0.3)) params.top_p = 0.8f;
    if (dice_.Chance(0.2)) params.top_k = 5;
    if (dice_.Chance(0.2)) params.repetition_penalty = 1.3f;
    if (dice_.Chance(0.2)) params.presence_penalty = 0.5f;
    if (dice_.Chance(0.1)) params.logit_bias = {{3, 2.0f}};
    return params;
  }

  void Arrive() {
    static const char* const kCallers[] = {"", "ann", "bob", "cleo"};
    Guest guest;
    Request& request = guest.request;
    const std::int64_t positions_max = block_count_ * options_.block_tokens;
    const std::int64_t answer_max = std::min<std::int64_t>(dice_.Roll(1, 60), positions_max);
    request.caller = kCallers[dice_.Roll(0, 3)];
    request.prompt =
        RollPrompt(request.caller, std::min<std::int64_t>(150, positions_max + 1 - answer_max));
    request.max_tokens = answer_max;
    request.sampling = RollSampling();
    if (dice_.Chance(0.2)) request.stop_ids = {5, 6};
    if (dice_.Chance(0.1)) request.deadline = now_ + dice_.Roll(0, 1000) * 1ms;
    if (dice_.Chance(0.15)) guest.cancel_chance = 0.05;
    if (dice_.Chance(0.1)) guest.read_chance = 0.02;
    if (dice_.Chance(0.01)) {
      request.prompt[dice_.Roll(0, request.prompt.size() - 1)] = FakeModel::kPoison;
    }
    guest.is_poisoned = std::ranges::count(request.prompt, FakeModel::kPoison) > 0;
    if (!guest.is_poisoned) guest.alone = testing::RunAlone(request);
    owed_positions_ += PositionsOf(request);
    guest.step_max = step_ + owed_positions_;
    auto channel = std::make_shared<TokenChannel>(options_.stream_capacity);
    loop_.Enqueue(std::make_unique<Sequence>(request, *request.sampling.seed, channel, now_));
    guest.stream = MakeTokenStream(std::move(channel));
    guests_.push_back(std::move(guest));
  }

  static std::int64_t PositionsOf(const Request& request) {
    return static_cast<std::int64_t>(request.prompt.size()) + request.max_tokens;
  }

  void CheckSlices(std::span<const model::Slice> slices) {
    std::int64_t tokens = 0;
    for (const model::Slice& slice : slices) tokens += slice.tokens.size();
    EXPECT_LE(tokens, options_.step_tokens_max);
    EXPECT_LE(static_cast<std::int64_t>(slices.size()), options_.running_max);
  }

  void ReadStreams(Totals& totals) {
    for (Guest& guest : guests_) {
      const bool must_end = guest.is_cancelled || guest.step_max <= step_ ||
                            (guest.request.deadline && *guest.request.deadline <= step_began_);
      if (!must_end && !dice_.Chance(guest.read_chance)) continue;
      const TokenStream::Batch batch = guest.stream->Take();
      for (const TokenEvent& token : batch.tokens) guest.answer.push_back(token.id);
      if (!batch.finish) {
        EXPECT_FALSE(must_end) << "not ended within one step, or starved";
        continue;
      }
      guest.is_done = true;
      owed_positions_ -= PositionsOf(guest.request);
      ++totals.finishes[*batch.finish];
      totals.cached_tokens += batch.usage.cached_tokens;
      CheckAnswer(guest, batch);
    }
    std::erase_if(guests_, [](const Guest& guest) { return guest.is_done; });
  }

  void CheckAnswer(const Guest& guest, const TokenStream::Batch& batch) {
    const std::vector<TokenId>& answer = guest.answer;
    const std::vector<TokenId>& alone = guest.alone;
    EXPECT_LE(batch.usage.cached_tokens, LongestOwnPrefix(guest)) << "another caller's blocks";
    const bool is_whole =
        *batch.finish == FinishReason::kLength || *batch.finish == FinishReason::kStop;
    EXPECT_TRUE(*batch.finish != FinishReason::kError || guest.is_poisoned);
    EXPECT_FALSE(is_whole && guest.is_poisoned);
    ASSERT_LE(answer.size(), alone.size());
    EXPECT_TRUE(std::equal(answer.begin(), answer.end(), alone.begin()));
    EXPECT_TRUE(!is_whole || answer.size() == alone.size());
    said_.emplace_back(guest.request.caller, Said(guest));
  }

  // All that can have come into the cache for a guest.
  static std::vector<TokenId> Said(const Guest& guest) {
    std::vector<TokenId> said = guest.request.prompt;
    said.insert(said.end(), guest.alone.begin(), guest.alone.end());
    return said;
  }

  // How long a prefix of the guest's prompt its caller has had in the engine at most.
  std::int64_t LongestOwnPrefix(const Guest& guest) const {
    const std::string& caller = guest.request.caller;
    if (caller.empty()) return 0;
    const auto common = [&](const std::vector<TokenId>& tokens) {
      const auto place = std::mismatch(guest.request.prompt.begin(), guest.request.prompt.end(),
                                       tokens.begin(), tokens.end());
      return static_cast<std::int64_t>(place.first - guest.request.prompt.begin());
    };
    std::int64_t longest = 0;
    for (const auto& [other_caller, tokens] : said_) {
      if (other_caller == caller) longest = std::max(longest, common(tokens));
    }
    for (const Guest& other : guests_) {
      if (&other == &guest || other.request.caller != caller) continue;
      longest = std::max(longest, common(Said(other)));
    }
    return longest;
  }

  std::int64_t PreemptionCount() const {
    const std::string text = registry_.ExposeText();
    const std::string name = "\nholdfast_engine_preemptions_total ";
    return std::stoll(text.substr(text.find(name) + name.size()));
  }

  Dice dice_;
  EngineOptions options_;
  std::int64_t block_count_;
  double arrival_chance_;
  TimePoint now_{1h};
  TimePoint step_began_ = now_;
  metrics::Registry registry_;
  FakeModel model_;
  EngineLoop loop_;
  std::vector<Guest> guests_;
  std::vector<std::pair<std::string, std::vector<TokenId>>> said_;
  std::int64_t step_ = 0;
  std::int64_t owed_positions_ = 0;
};

TEST(EngineSimulation, EverySeedKeepsItsBooksAndStarvesNobody) {
  const int seeds = TestRounds(40);
  constexpr std::int64_t kRequests = 250;
  Totals totals;
  for (int seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Day(static_cast<std::uint64_t>(seed)).Run(kRequests, totals);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  std::printf("%ld requests, %ld steps, %ld preemptions, %ld cached tokens\n", totals.requests,
              totals.steps, totals.preemptions, totals.cached_tokens);
  for (const auto& [reason, count] : totals.finishes) {
    std::printf("  %s: %ld\n", std::string(FinishReasonName(reason)).c_str(), count);
  }
  // The days were hard enough to mean something.
  EXPECT_GT(totals.preemptions, 1000);
  EXPECT_GT(totals.cached_tokens, 10'000);
  for (const FinishReason reason : kFinishReasons) EXPECT_GT(totals.finishes[reason], 20);
}

}  // namespace
}  // namespace holdfast::engine
