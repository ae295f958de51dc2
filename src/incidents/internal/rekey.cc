#include "incidents/internal/rekey.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/mix.h"

namespace holdfast::incidents {
namespace {

class Names {
 public:
  explicit Names(std::uint64_t secret) : secret_(secret) {}

  void Add(std::uint64_t name) {
    if (name != 0) order_.emplace_back(Mix64(secret_, name), name);
  }
  void Number() {
    std::ranges::sort(order_);
    const auto repeated = std::ranges::unique(order_);
    order_.erase(repeated.begin(), repeated.end());
  }
  std::uint64_t operator()(std::uint64_t name) const {
    if (name == 0) return 0;
    const auto at = std::ranges::lower_bound(order_, std::pair(Mix64(secret_, name), name));
    return static_cast<std::uint64_t>(at - order_.begin()) + 1;
  }

 private:
  std::uint64_t secret_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> order_;
};

}  // namespace

void Rekey(verdict::JudgeInput& input, std::uint64_t secret) {
  Names clients(Mix64(secret, 1));
  Names groups(Mix64(secret, 2));
  Names requests(Mix64(secret, 3));
  for (const verdict::JournalRecord& record : input.records) {
    clients.Add(record.client);
    groups.Add(record.group);
    requests.Add(record.request);
  }
  for (const guard::ClusterScore& score : input.scores) {
    clients.Add(score.client);
    groups.Add(score.group);
  }
  clients.Number();
  groups.Number();
  requests.Number();
  for (verdict::JournalRecord& record : input.records) {
    record.client = clients(record.client);
    record.group = groups(record.group);
    record.request = requests(record.request);
  }
  for (guard::ClusterScore& score : input.scores) {
    score.client = clients(score.client);
    score.group = groups(score.group);
  }
  std::ranges::sort(input.scores, {}, &guard::ClusterScore::client);
}

}  // namespace holdfast::incidents
