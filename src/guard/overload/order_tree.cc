#include "guard/overload/order_tree.h"

namespace holdfast::guard {
namespace {

// A permutation of 32 bits without visible order (murmur3's finalizer).
std::uint32_t Scatter(std::uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return h ^ (h >> 16);
}

}  // namespace

void OrderTree::Insert(Node& root, Node node, Key key, double cost) {
  nodes_[node] = {
      .key = key, .cost = cost, .cost_sum = cost, .count = 1, .priority = Scatter(++insertions_)};
  root = InsertBelow(root, node);
}

void OrderTree::Erase(Node& root, Node node) { root = EraseBelow(root, node); }

OrderTree::Node OrderTree::First(Node root) const {
  if (root == kNone) return kNone;
  while (nodes_[root].left != kNone) root = nodes_[root].left;
  return root;
}

OrderTree::Sum OrderTree::Total(Node root) const {
  if (root == kNone) return {};
  return {nodes_[root].count, nodes_[root].cost_sum};
}

OrderTree::Sum OrderTree::Before(Node root, Key key) const {
  Sum sum;
  while (root != kNone) {
    const Item& item = nodes_[root];
    if (!(item.key < key)) {
      root = item.left;
      continue;
    }
    const Sum left = Total(item.left);
    sum.count += left.count + 1;
    sum.cost += left.cost + item.cost;
    root = item.right;
  }
  return sum;
}

OrderTree::Node OrderTree::InsertBelow(Node root, Node node) {
  if (root == kNone) return node;
  Item& item = nodes_[node];
  Item& top = nodes_[root];
  if (item.priority > top.priority) {
    Split(root, item.key, item.left, item.right);
    Update(node);
    return node;
  }
  Node& side = item.key < top.key ? top.left : top.right;
  side = InsertBelow(side, node);
  Update(root);
  return root;
}

OrderTree::Node OrderTree::EraseBelow(Node root, Node node) {
  Item& top = nodes_[root];
  if (root == node) return Merge(top.left, top.right);
  Node& side = nodes_[node].key < top.key ? top.left : top.right;
  side = EraseBelow(side, node);
  Update(root);
  return root;
}

void OrderTree::Split(Node root, Key key, Node& less, Node& rest) {
  if (root == kNone) {
    less = rest = kNone;
    return;
  }
  Item& top = nodes_[root];
  if (top.key < key) {
    Split(top.right, key, top.right, rest);
    less = root;
  } else {
    Split(top.left, key, less, top.left);
    rest = root;
  }
  Update(root);
}

OrderTree::Node OrderTree::Merge(Node less, Node rest) {
  if (less == kNone) return rest;
  if (rest == kNone) return less;
  if (nodes_[less].priority > nodes_[rest].priority) {
    nodes_[less].right = Merge(nodes_[less].right, rest);
    Update(less);
    return less;
  }
  nodes_[rest].left = Merge(less, nodes_[rest].left);
  Update(rest);
  return rest;
}

void OrderTree::Update(Node node) {
  Item& item = nodes_[node];
  const Sum left = Total(item.left);
  const Sum right = Total(item.right);
  item.count = left.count + right.count + 1;
  item.cost_sum = left.cost + item.cost + right.cost;
}

}  // namespace holdfast::guard
