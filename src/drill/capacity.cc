#include "drill/capacity.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "verdict/engine/engine_model.h"

namespace holdfast::drill {
namespace {

using guard::Time;
using verdict::EngineModel;

constexpr std::size_t kRoundsToFill = 3;  // Of the engine's places.

}  // namespace

double MeasureCapacity(const verdict::EngineProfile& profile,
                       std::span<const TokenCounts> requests) {
  CHECK(!requests.empty());
  EngineModel engine(profile);
  const auto places =
      static_cast<std::size_t>(profile.sequences_max) * static_cast<std::size_t>(profile.workers);
  std::size_t next = 0;
  const auto submit = [&](std::size_t slot, Time now) {
    const TokenCounts& request = requests[next++ % requests.size()];
    CHECK(engine.Submit(static_cast<std::uint32_t>(slot), request.prompt, request.output, now));
  };
  // A quarter more than there are places waits inside, whichever worker is done first.
  for (std::size_t slot = 0; slot < places + places / 4 + 4; ++slot) submit(slot, Time{});

  const std::size_t first = kRoundsToFill * places;
  std::size_t finished = 0;
  Time from{};
  std::vector<EngineModel::Event> events;
  for (;;) {
    events.clear();
    engine.Advance(engine.NextEvent(), events);
    for (const EngineModel::Event& event : events) {
      if (event.what != EngineModel::Event::kFinished) continue;
      ++finished;
      if (finished == first) from = event.time;
      if (finished == first + requests.size()) {
        return static_cast<double>(requests.size()) / guard::ToSeconds(event.time - from);
      }
      submit(event.slot, event.time);
    }
  }
}

}  // namespace holdfast::drill
