// FairQueue: who of those waiting is next. Classes in order of precedence, each with a guaranteed
// share; within a class virtual token counters (VTC, Sheng et al., arXiv 2401.00588). Owns the
// order, not the requests. Single-threaded, bounded, O(log n).
//
// Within a class every request gets a start tag when it comes, in weighted tokens:
//
//   tag    = the client's finish tag, lifted to the class's virtual time when it had nothing
//   waiting finish = tag + charge;  charge = clamp(predicted cost + owed, 0, U)
//
// and the smallest tag is served. `owed` carries what answers took beyond (or below) their
// prediction into the client's next charge. Virtual time moves as fluid fair sharing would: by each
// charge served over the number of clients waiting, never behind the smallest tag and never more
// than U ahead of it. (Lifting to the smallest tag itself, as VTC does, would let an endless stream
// of clients with one request each pass everybody who has been served once.)
//
// Bound, with U the largest charge so far: the tags at the heads of any two waiting clients differ
// by at most U, so over any time in which both wait without leaving, their charged service differs
// by at most 2U (VTC's bound). It is asserted at every step: each request served has the smallest
// tag, no tag is set below one already served, none at a head beyond U above the smallest.
//
// Between classes the highest waits least: a lower class is served only when nothing waits above
// it, or when its credit covers its next request. It earns share/(1 - share) of all that others are
// served while it waits, so it gets at least its share, and nobody starves.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "guard/overload/client_table.h"
#include "guard/overload/order_tree.h"

namespace holdfast::guard {

class FairQueue {
 public:
  using Slot = OrderTree::Node;
  using Shares = std::array<double, kServiceClassCount>;

  // Slots are 0 .. slots_max - 1. Without is_fair: first come, first served within a class.
  FairQueue(std::size_t slots_max, const Shares& share, bool is_fair, ClientTable& clients);

  // Where a request of this client would stand if it came now.
  OrderTree::Key NextKey(ServiceClass service_class, const Client& client) const;

  void Push(Slot slot, ServiceClass service_class, ClientTable::Index client, double cost);
  void Erase(Slot slot);  // Leaves unserved; what it was charged is given back.
  Slot Next() const;      // Who Pop() would take. The queue is not empty.
  Slot Pop();             // The queue is not empty.
  // A request that starts without having waited; none of its class waits.
  void ChargeAtOnce(ServiceClass service_class, Client& client, double cost);

  std::uint32_t size() const { return size_; }
  OrderTree::Key key(Slot slot) const { return tree_.key(slot); }
  OrderTree::Sum Total(ServiceClass service_class) const;
  OrderTree::Sum Before(ServiceClass service_class, OrderTree::Key key) const;
  double virtual_time(ServiceClass service_class) const;
  double smallest_tag(ServiceClass service_class) const;  // Somebody of the class waits.
  std::uint32_t clients_waiting(ServiceClass service_class) const;
  double charge_max() const { return charge_max_; }  // U.
  // Of what a class must earn before its next request is served while others wait above.
  double credit(ServiceClass service_class) const { return lines_[Index(service_class)].credit; }
  double share(ServiceClass service_class) const { return share_[Index(service_class)]; }

 private:
  struct Line {
    Slot root = OrderTree::kNone;
    Slot first = OrderTree::kNone;
    double virtual_time = 0;
    double served_tag = 0;  // Of the last one served: no tag may come below it.
    double credit = 0;
    std::uint32_t clients = 0;
  };
  struct Place {
    ClientTable::Index client = 0;
    ServiceClass service_class = ServiceClass::kHistory;
    double charge = 0;
  };

  static int Index(ServiceClass service_class) { return static_cast<int>(service_class); }
  double Charge(Client& client, double tag, double cost);
  void Leave(Slot slot);
  int NextLine() const;
  void Earn(int served, double cost);
  void AdvanceVirtualTime(Line& line, double tag, double charge, std::uint32_t clients);

  ClientTable& clients_;
  const Shares share_;
  const bool is_fair_;
  OrderTree tree_;
  std::array<Line, kServiceClassCount> lines_;
  std::vector<Place> places_;
  std::uint32_t size_ = 0;
  std::uint64_t arrivals_ = 0;
  double charge_max_ = 0;
};

}  // namespace holdfast::guard
