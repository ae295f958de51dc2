#include "guard/overload/client_table.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::guard {
namespace {

TEST(ClientTable, RemembersAClientByClass) {
  ClientTable table(64);
  const auto index = table.Find(7, ServiceClass::kNew, 5, AtSeconds(1));
  EXPECT_EQ(table[index].finish_tag, 5);
  EXPECT_EQ(table.Find(7, ServiceClass::kNew, 9, AtSeconds(2)), index);
  EXPECT_EQ(table[index].finish_tag, 5);
  EXPECT_NE(table.Find(7, ServiceClass::kNewBatch, 9, AtSeconds(2)), index);
}

TEST(ClientTable, AFloodOfStrangersForgetsStrangersFirst) {
  ClientTable table(4096);
  for (std::uint64_t client = 1; client <= 500; ++client) {
    table[table.Find(client, ServiceClass::kHistory, 0, AtSeconds(0))].owed = 1;
  }
  for (std::uint64_t client = 0; client < 100'000; ++client) {
    table.Find(1'000'000 + client, ServiceClass::kAnonymous, 0, AtSeconds(60));
  }
  int remembered = 0;
  for (std::uint64_t client = 1; client <= 500; ++client) {
    const auto index = table.Find(client, ServiceClass::kHistory, 0, AtSeconds(60));
    remembered += table[index].owed == 1;
  }
  EXPECT_EQ(remembered, 500);
}

TEST(ClientTable, AFloodDoesNotForgetThoseWithAnAppointment) {
  ClientTable table(4096);
  for (std::uint64_t client = 1; client <= 500; ++client) {
    const auto index = table.Find(client, ServiceClass::kHistory, 0, AtSeconds(0));
    table[index].booked = 1;
    table.Keep(index, ServiceClass::kHistory, AtSeconds(600));
  }
  for (std::uint64_t client = 0; client < 100'000; ++client) {
    table.Find(1'000'000 + client, ServiceClass::kHistory, 0, AtSeconds(300));
  }
  int kept = 0;
  for (std::uint64_t client = 1; client <= 500; ++client) {
    kept += table[table.Find(client, ServiceClass::kHistory, 0, AtSeconds(600))].booked == 1;
  }
  EXPECT_EQ(kept, 500);
}

TEST(ClientTable, NeverForgetsAClientWithWorkUnderWay) {
  ClientTable table(8);
  std::vector<ClientTable::Index> busy;
  for (std::uint64_t client = 1; client <= 8; ++client) {
    busy.push_back(table.Find(client, ServiceClass::kNew, 0, AtSeconds(0)));
    table[busy.back()].choices_in_flight = 1;
    table[busy.back()].owed = static_cast<double>(client);
  }
  // A ninth is held to account together with others that find no place.
  const auto shared = table.Find(9, ServiceClass::kHistory, 0, AtSeconds(9999));
  EXPECT_EQ(std::ranges::count(busy, shared), 0);
  table[shared].owed = 99;
  EXPECT_EQ(table[table.Find(9, ServiceClass::kHistory, 0, AtSeconds(9999))].owed, 99);
  for (std::uint64_t client = 1; client <= 8; ++client) {
    const auto index = table.Find(client, ServiceClass::kNew, 0, AtSeconds(9999));
    EXPECT_EQ(table[index].owed, static_cast<double>(client));
  }
  // Once it is through, its place is free.
  table[busy[0]].choices_in_flight = 0;
  EXPECT_EQ(table.Find(9, ServiceClass::kHistory, 3, AtSeconds(10'000)), busy[0]);
  EXPECT_EQ(table[busy[0]].finish_tag, 3);
}

TEST(ClientTable, ClassesNeverShareAnEntry) {
  ClientTable table(8);
  for (std::uint64_t client = 1; client <= 8; ++client) {
    table[table.Find(client, ServiceClass::kNew, 0, AtSeconds(0))].waiting = 1;
  }
  std::set<ClientTable::Index> of_class[kServiceClassCount];
  for (std::uint64_t client = 100; client < 1100; ++client) {
    for (int c = 0; c < kServiceClassCount; ++c) {
      of_class[c].insert(table.Find(client, static_cast<ServiceClass>(c), 0, AtSeconds(0)));
    }
  }
  std::set<ClientTable::Index> all;
  std::size_t entries = 0;
  for (const std::set<ClientTable::Index>& entries_of : of_class) {
    EXPECT_LE(entries_of.size(), 8u);
    entries += entries_of.size();
    all.insert(entries_of.begin(), entries_of.end());
  }
  EXPECT_EQ(all.size(), entries);
}

TEST(ClientTable, PeeksAtWhatItKnowsOnly) {
  ClientTable table(64);
  EXPECT_EQ(table.Peek(7, ServiceClass::kNew), nullptr);
  const auto index = table.Find(7, ServiceClass::kNew, 5, AtSeconds(1));
  EXPECT_EQ(table.Peek(7, ServiceClass::kNew), &table[index]);
  EXPECT_EQ(table.Peek(7, ServiceClass::kNewBatch), nullptr);
}

}  // namespace
}  // namespace holdfast::guard
