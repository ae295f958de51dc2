#include "guard/limits/heavy_hitters.h"

#include <algorithm>

namespace holdfast::guard {

int HeavyHitters::Advance(Time now) {
  constexpr int kHalvingsMax = 64;  // After which nothing is left to speak of.
  if (half_life_ == Duration(0)) return 0;
  if (halved_at_ == Time::min()) halved_at_ = now;
  int halvings = 0;
  for (; halved_at_ + half_life_ <= now && halvings < kHalvingsMax; ++halvings) {
    Halve();
    halved_at_ += half_life_;
  }
  if (halvings == kHalvingsMax) halved_at_ = now;
  return halvings;
}

HeavyHitters::Count HeavyHitters::Add(std::uint64_t name, double weight) {
  total_ += weight;
  Counters::Index index = counters_.Find(name);
  if (index != Counters::kNone) {
    counters_.SetRank(index, counters_.rank(index) + weight);
    return At(index);
  }
  const double inherited = least();
  index = counters_.is_full() ? counters_.ReplaceLeast(name, inherited + weight, inherited)
                              : counters_.Insert(name, inherited + weight, inherited);
  return At(index);
}

HeavyHitters::Count HeavyHitters::Find(std::uint64_t name) const {
  const Counters::Index index = counters_.Find(name);
  return index == Counters::kNone ? Count{name, 0, 0} : At(index);
}

void HeavyHitters::Forgive(std::uint64_t name) {
  const Counters::Index index = counters_.Find(name);
  if (index != Counters::kNone) counters_[index] = counters_.rank(index);
}

void HeavyHitters::Halve() {
  total_ /= 2;
  counters_.ChangeAll([](double& count, double& error) {
    count /= 2;
    error /= 2;
  });
}

double HeavyHitters::least() const {
  return counters_.is_full() ? counters_.rank(counters_.Least()) : 0;
}

std::vector<HeavyHitters::Count> HeavyHitters::Top() const {
  std::vector<Count> top;
  for (const Counters::Index index : counters_.indices()) top.push_back(At(index));
  std::sort(top.begin(), top.end(), [](const Count& a, const Count& b) {
    return a.count > b.count || (a.count == b.count && a.name < b.name);
  });
  return top;
}

HeavyHitters::Count HeavyHitters::At(Counters::Index index) const {
  return {counters_.key(index), counters_.rank(index), counters_[index]};
}

}  // namespace holdfast::guard
