#include "rehearsal/run.h"

#include <future>
#include <utility>
#include <vector>

#include "base/log.h"
#include "net/file_limits.h"
#include "net/io_threads.h"
#include "net/spawn.h"
#include "rehearsal/callers.h"
#include "rehearsal/faults.h"
#include "rehearsal/process.h"
#include "rehearsal/sink.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kFilesBeside = 256;  // Descriptors that are no connections of callers.
constexpr Micros kMemoryEvery = 1'000'000;
constexpr std::uint64_t kArrivalsName = 0x6172726976;
constexpr std::uint64_t kVisitName = 0x7669736974;

bool IsFault(const Group& group) { return group.label == Label::kFault; }

class GroupRun {
 public:
  GroupRun(Stage& stage, std::size_t index, Arrivals arrivals)
      : stage_(stage),
        group_(stage.plan().groups[index]),
        number_(stage.recorder().Opaque(index)),
        seed_(drill::Mix(stage.plan().seed, kVisitName, index)),
        random_(seed_),
        arrivals_(std::move(arrivals)) {}

  net::Awaitable<void> Run(Stage::Presence /*presence*/) {
    if (AsksWithoutEnd(group_.kind)) {
      BeginLoops();
      co_return;
    }
    while (std::optional<Arrival> arrival = arrivals_.Next()) {
      if (stage_.Now() < arrival->at) co_await stage_.SleepUntil(arrival->at);
      if (stage_.IsOver()) co_return;
      const std::uint32_t client = group_.clients > 0
                                       ? random_.Below(static_cast<std::uint32_t>(group_.clients))
                                       : static_cast<std::uint32_t>(count_);
      Begin(client, arrival->at, arrival->size);
    }
  }

 private:
  // The loops of a group begin within a second, not all at once.
  void BeginLoops() {
    for (int client = 0; client < group_.clients; ++client) {
      for (int i = 0; i < group_.connections; ++i) {
        const double at_s = group_.start_s + random_.Uniform();
        Begin(static_cast<std::uint32_t>(client), static_cast<Micros>(at_s * 1e6), std::nullopt);
      }
    }
  }

  void Begin(std::uint32_t client, Micros due, std::optional<Size> size) {
    Visit visit;
    visit.stage = &stage_;
    visit.group = &group_;
    visit.number = number_;
    visit.client = client;
    visit.random_seed = drill::Mix(seed_, ++count_);
    visit.due = due;
    visit.size = size;
    net::Spawn(stage_.executor(), RunVisit(visit, Stage::Presence(stage_)));
  }

  Stage& stage_;
  const Group& group_;
  const std::uint32_t number_;
  const std::uint64_t seed_;
  drill::RandomStream random_;
  Arrivals arrivals_;
  std::uint64_t count_ = 0;
};

net::Awaitable<void> WatchMemory(Stage& stage) {
  for (Micros at = kMemoryEvery;; at += kMemoryEvery) {
    for (const auto& [name, pid] : stage.plan().processes) {
      if (const std::optional<std::uint64_t> kib = ResidentKib(pid)) {
        stage.recorder().Add(MemoryLook{name, stage.Now(), *kib});
      }
    }
    if (stage.IsOver()) co_return;
    co_await stage.SleepUntil(at);
  }
}

net::Awaitable<void> RunAll(Stage& stage, std::vector<GroupRun>& runs, std::promise<void>& done) {
  for (GroupRun& run : runs) {
    net::Spawn(stage.executor(), run.Run(Stage::Presence(stage)));
  }
  for (const Group& group : stage.plan().groups) {
    if (IsFault(group) && !stage.is_unattacked()) {
      net::Spawn(stage.executor(), RunFault(stage, group, Stage::Presence(stage)));
    }
  }
  co_await WatchMemory(stage);
  co_await stage.WaitEmpty();
  done.set_value();
}

}  // namespace

Result<RunSummary> Run(const Plan& plan, const RunOptions& options) {
  TRY(net::RaiseFileLimit(static_cast<std::size_t>(plan.connections_max) + kFilesBeside));
  Accounts accounts;
  if (!plan.accounts.empty()) {
    TRY_ASSIGN(accounts, ReadAccounts(plan.accounts));
  }
  std::vector<std::pair<std::size_t, Arrivals>> arrivals;
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    const Group& group = plan.groups[i];
    if (IsFault(group)) continue;
    TRY_ASSIGN(Arrivals of_group,
               Arrivals::Of(group, WishesPerVisit(group), drill::Mix(plan.seed, kArrivalsName, i)));
    arrivals.emplace_back(i, std::move(of_group));
  }
  std::unique_ptr<Sink> sink;
  if (options.uses_sink) {
    TRY_ASSIGN(sink, Sink::Open(options.core));
  }
  TRY_ASSIGN(const std::unique_ptr<Recorder> recorder,
             Recorder::Open(options.folder, plan, options.uses_sink));
  net::IoThreads threads(1);
  if (options.core >= 0) {
    Result<void> pinned;
    threads.Run(0, [&] { pinned = PinThread(options.core); });
    TRY(pinned);
  }
  const net::TimePoint begun = net::Clock::now();
  Stage stage(plan, *recorder, accounts, options.uses_sink,
              sink != nullptr ? sink->endpoint() : net::Endpoint{}, threads.executor(0));
  std::vector<GroupRun> runs;
  runs.reserve(arrivals.size());
  for (auto& [index, of_group] : arrivals) runs.emplace_back(stage, index, std::move(of_group));
  std::promise<void> done;
  threads.Spawn(0, RunAll(stage, runs, done));
  done.get_future().wait();
  threads.Stop();
  TRY(recorder->Seal());
  return RunSummary{recorder->attempt_count(),
                    std::chrono::duration<double>(net::Clock::now() - begun).count()};
}

}  // namespace holdfast::rehearsal
