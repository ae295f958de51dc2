// OrderTree: ordered sets over one bounded pool of nodes, which answer "how many, and how much
// cost, stand before this key" in O(log n). A treap: heap-ordered by a priority that is a hash of
// the insertion count, so its shape is random but the same in every run, and nobody outside chooses
// it. Sums are made of the children's sums, never by subtraction: no drift. Single-threaded.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::guard {

class OrderTree {
 public:
  using Node = std::uint32_t;
  static constexpr Node kNone = ~Node{0};

  struct Key {
    double tag = 0;
    std::uint64_t order = 0;  // Breaks ties: earlier first.

    bool operator<(const Key& other) const {
      return tag < other.tag || (tag == other.tag && order < other.order);
    }
  };
  struct Sum {
    std::uint32_t count = 0;
    double cost = 0;
  };

  explicit OrderTree(std::size_t nodes_max) : nodes_(nodes_max) {}

  // `root` names a set (kNone: empty) and is kept up to date; `node` is in none.
  void Insert(Node& root, Node node, Key key, double cost);
  void Erase(Node& root, Node node);

  Node First(Node root) const;
  Sum Total(Node root) const;
  Sum Before(Node root, Key key) const;
  Key key(Node node) const { return nodes_[node].key; }
  double cost(Node node) const { return nodes_[node].cost; }

 private:
  struct Item {
    Key key;
    double cost = 0;
    double cost_sum = 0;  // Of the subtree, as count.
    std::uint32_t count = 0;
    std::uint32_t priority = 0;
    Node left = kNone;
    Node right = kNone;
  };

  Node InsertBelow(Node root, Node node);
  Node EraseBelow(Node root, Node node);
  void Split(Node root, Key key, Node& less, Node& rest);
  Node Merge(Node less, Node rest);
  void Update(Node node);

  std::vector<Item> nodes_;
  std::uint32_t insertions_ = 0;
};

}  // namespace holdfast::guard
