#include "guard/overload/order_tree.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace holdfast::guard {
namespace {

TEST(OrderTree, AgreesWithASortedList) {
  constexpr std::uint32_t kNodes = 200;
  Random random(3);
  OrderTree tree(kNodes);
  OrderTree::Node root = OrderTree::kNone;
  std::vector<OrderTree::Node> inside;
  std::vector<OrderTree::Node> outside;
  for (std::uint32_t i = 0; i < kNodes; ++i) outside.push_back(i);

  for (int step = 0; step < 20'000; ++step) {
    const bool inserts = inside.empty() || (!outside.empty() && random.Uniform() < 0.5);
    if (inserts) {
      const OrderTree::Node node = outside.back();
      outside.pop_back();
      // Few tags: ties must fall to the order.
      tree.Insert(root, node,
                  {static_cast<double>(random.Next() % 20), static_cast<std::uint64_t>(step)},
                  random.Uniform());
      inside.push_back(node);
    } else {
      const std::size_t victim = random.Next() % inside.size();
      tree.Erase(root, inside[victim]);
      outside.push_back(inside[victim]);
      inside.erase(inside.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    if (inside.empty()) {
      EXPECT_EQ(root, OrderTree::kNone);
      continue;
    }
    const auto less = [&](auto a, auto b) { return tree.key(a) < tree.key(b); };
    EXPECT_EQ(tree.First(root), *std::min_element(inside.begin(), inside.end(), less));
    const OrderTree::Key key = tree.key(inside[random.Next() % inside.size()]);
    OrderTree::Sum before;
    for (const OrderTree::Node node : inside) {
      if (!(tree.key(node) < key)) continue;
      ++before.count;
      before.cost += tree.cost(node);
    }
    EXPECT_EQ(tree.Before(root, key).count, before.count);
    EXPECT_NEAR(tree.Before(root, key).cost, before.cost, 1e-9);
    EXPECT_EQ(tree.Total(root).count, inside.size());
  }
}

}  // namespace
}  // namespace holdfast::guard
