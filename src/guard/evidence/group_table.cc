#include "guard/evidence/group_table.h"

#include <algorithm>
#include <bit>
#include <ranges>

#include "base/check.h"

namespace holdfast::guard {
namespace {

// Less than this is as good as nobody.
constexpr float kUsualKept = 0.01F;
constexpr double kUsualMax = 1e9;

}  // namespace

GroupTable::GroupTable(std::size_t groups_max)
    : sets_(std::bit_ceil(std::max(groups_max, kWays) / kWays)), groups_(sets_.size() * kWays) {}

std::size_t GroupTable::WayOf(std::size_t set, std::uint64_t name) const {
  const auto& names = sets_[set].of;
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

const GroupFeatures* GroupTable::Find(std::uint64_t name) const {
  const std::size_t set = SetOf(name);
  const std::size_t way = WayOf(set, name);
  return way == kWays ? nullptr : &groups_[set * kWays + way];
}

GroupFeatures& GroupTable::Take(std::uint64_t name, std::uint32_t epoch) {
  CHECK(name != 0);
  const std::size_t set = SetOf(name);
  std::size_t way = WayOf(set, name);
  if (way == kWays) {
    way = LeastOf(set, epoch);
    sets_[set].of[way] = name;
    groups_[set * kWays + way] = GroupFeatures{.epoch = epoch};
  }
  return groups_[set * kWays + way];
}

std::size_t GroupTable::LeastOf(std::size_t set, std::uint32_t epoch) const {
  const auto worth = [&](std::size_t way) -> double {
    if (sets_[set].of[way] == 0) return -1;
    const GroupFeatures& group = groups_[set * kWays + way];
    const std::uint32_t age = std::min(epoch - group.epoch, 31U);
    return (group.clients >> age) + group.usual + group.surge.excess;
  };
  return std::ranges::min(std::views::iota(std::size_t{0}, kWays), {}, worth);
}

void GroupTable::Save(StateWriter& writer) const {
  const auto is_kept = [](const GroupFeatures& group) { return group.usual >= kUsualKept; };
  writer.Put(static_cast<std::uint64_t>(std::ranges::count_if(groups_, is_kept)));
  for (std::size_t place = 0; place < groups_.size(); ++place) {
    if (!is_kept(groups_[place])) continue;
    writer.Put(sets_[place / kWays].of[place % kWays]);
    writer.Put(double{groups_[place].usual});
  }
}

void GroupTable::Load(StateReader& reader) {
  for (std::uint64_t left = reader.TakeCount(groups_.size()); left > 0; --left) {
    const auto name = reader.Take<std::uint64_t>();
    const double usual = reader.TakeDouble(0, kUsualMax);
    if (!reader.Expect(name != 0)) return;
    Take(name, 0).usual = static_cast<float>(usual);
  }
}

std::size_t GroupTable::state_bytes() const {
  return sets_.capacity() * sizeof(sets_[0]) + groups_.capacity() * sizeof(groups_[0]);
}

}  // namespace holdfast::guard
