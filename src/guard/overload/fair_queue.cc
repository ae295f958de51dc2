#include "guard/overload/fair_queue.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::guard {

FairQueue::FairQueue(std::size_t slots_max, const Shares& share, bool is_fair, ClientTable& clients)
    : clients_(clients), share_(share), is_fair_(is_fair), tree_(slots_max), places_(slots_max) {
  double sum = 0;
  for (const double part : share_) {
    CHECK(part >= 0);
    sum += part;
  }
  CHECK_MSG(sum < 1, "guaranteed shares add up to {}", sum);
}

OrderTree::Key FairQueue::NextKey(ServiceClass service_class, const Client& client) const {
  const Line& line = lines_[Index(service_class)];
  if (!is_fair_) return {.tag = 0, .order = arrivals_};
  if (client.waiting > 0) {
    // What was taken back from a client's end can lie behind what the others had meanwhile.
    return {.tag = std::max(client.finish_tag, line.served_tag), .order = arrivals_};
  }
  const double smallest =
      line.first == OrderTree::kNone ? line.virtual_time : tree_.key(line.first).tag;
  const double lifted = std::max(client.finish_tag, line.virtual_time);
  return {.tag = std::min(lifted, std::max(smallest, line.virtual_time) + charge_max_),
          .order = arrivals_};
}

void FairQueue::Push(Slot slot, ServiceClass service_class, ClientTable::Index client_index,
                     double cost) {
  Line& line = lines_[Index(service_class)];
  Client& client = clients_[client_index];
  const OrderTree::Key key = NextKey(service_class, client);
  CHECK(!is_fair_ || key.tag >= line.served_tag);
  places_[slot] = {client_index, service_class, Charge(client, key.tag, cost)};
  tree_.Insert(line.root, slot, key, cost);
  if (line.first == OrderTree::kNone || key < tree_.key(line.first)) line.first = slot;
  if (client.waiting++ == 0) ++line.clients;
  ++arrivals_;
  ++size_;
}

// Moves the client's finish tag; returns by how much.
double FairQueue::Charge(Client& client, double tag, double cost) {
  charge_max_ = std::max(charge_max_, cost);
  const double charge = std::clamp(cost + client.owed, 0.0, charge_max_);
  client.owed += cost - charge;
  client.finish_tag = tag + charge;
  return charge;
}

void FairQueue::Leave(Slot slot) {
  const Place& place = places_[slot];
  Line& line = lines_[Index(place.service_class)];
  tree_.Erase(line.root, slot);
  if (line.first == slot) line.first = tree_.First(line.root);
  if (--clients_[place.client].waiting == 0) --line.clients;
  if (line.root == OrderTree::kNone) line.credit = 0;
  --size_;
}

void FairQueue::Erase(Slot slot) {
  const Place& place = places_[slot];
  Client& client = clients_[place.client];
  const double tag = tree_.key(slot).tag;
  // Exact where it is the client's last; else its next charge is the smaller.
  if (client.finish_tag == tag + place.charge) {
    client.finish_tag = tag;
  } else {
    client.owed -= place.charge;
  }
  Leave(slot);
}

FairQueue::Slot FairQueue::Next() const { return lines_[NextLine()].first; }

FairQueue::Slot FairQueue::Pop() {
  const int served = NextLine();
  Line& line = lines_[served];
  const Slot slot = line.first;
  const double tag = tree_.key(slot).tag;
  CHECK(tag >= line.served_tag);
  line.served_tag = tag;
  const std::uint32_t clients = line.clients;
  const double cost = tree_.cost(slot);
  Leave(slot);
  AdvanceVirtualTime(line, tag, places_[slot].charge, clients);
  Earn(served, cost);
  return slot;
}

void FairQueue::ChargeAtOnce(ServiceClass service_class, Client& client, double cost) {
  Line& line = lines_[Index(service_class)];
  CHECK(line.root == OrderTree::kNone);
  if (!is_fair_) return;
  const OrderTree::Key key = NextKey(service_class, client);
  const double charge = Charge(client, key.tag, cost);
  line.virtual_time += charge;
}

int FairQueue::NextLine() const {
  int highest = -1;
  for (int i = 0; i < kServiceClassCount; ++i) {
    const Line& line = lines_[i];
    if (line.root == OrderTree::kNone) continue;
    if (highest < 0) highest = i;
    if (i != highest && line.credit >= tree_.cost(line.first)) return i;
  }
  CHECK(highest >= 0);
  return highest;
}

void FairQueue::Earn(int served, double cost) {
  lines_[served].credit = std::max(lines_[served].credit - cost, 0.0);
  for (int i = 0; i < kServiceClassCount; ++i) {
    Line& line = lines_[i];
    if (i == served || line.root == OrderTree::kNone) continue;
    line.credit = std::min(line.credit + cost * share_[i] / (1 - share_[i]), charge_max_);
  }
}

void FairQueue::AdvanceVirtualTime(Line& line, double tag, double charge, std::uint32_t clients) {
  if (!is_fair_) return;
  const double smallest = line.first == OrderTree::kNone ? tag : tree_.key(line.first).tag;
  const double moved = std::min(line.virtual_time + charge / clients, smallest + charge_max_);
  line.virtual_time = std::max({line.virtual_time, moved, tag});
  CHECK(line.virtual_time <= std::max(smallest, tag) + charge_max_ * (1 + 1e-9));
}

OrderTree::Sum FairQueue::Total(ServiceClass service_class) const {
  return tree_.Total(lines_[Index(service_class)].root);
}

OrderTree::Sum FairQueue::Before(ServiceClass service_class, OrderTree::Key key) const {
  return tree_.Before(lines_[Index(service_class)].root, key);
}

double FairQueue::virtual_time(ServiceClass service_class) const {
  return lines_[Index(service_class)].virtual_time;
}

double FairQueue::smallest_tag(ServiceClass service_class) const {
  return tree_.key(lines_[Index(service_class)].first).tag;
}

std::uint32_t FairQueue::clients_waiting(ServiceClass service_class) const {
  return lines_[Index(service_class)].clients;
}

}  // namespace holdfast::guard
