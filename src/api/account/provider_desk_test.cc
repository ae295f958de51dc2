#include "api/account/provider_desk.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

oidc::ProviderSpec Spec(const std::string& id, const std::string& issuer) {
  oidc::ProviderSpec spec;
  spec.id = id;
  spec.name = id;
  spec.issuer = issuer;
  spec.client_id = "holdfast";
  spec.redirect_uri = "https://chat.example/api/oidc/" + id + "/callback";
  return spec;
}

std::vector<oidc::ProviderSpec> Specs(const std::vector<std::pair<const char*, const char*>>& all) {
  std::vector<oidc::ProviderSpec> specs;
  for (const auto& [id, issuer] : all) specs.push_back(Spec(id, issuer));
  return specs;
}

Arrival From(const std::string& provider) {
  Arrival arrival;
  arrival.provider = provider;
  return arrival;
}

TEST(ProviderDesk, KnowsItsProvidersApart) {
  const auto clock = [] { return kNow; };
  const auto desk =
      ProviderDesk::Open(Specs({{"a", "https://a.example"}, {"b", "https://b.example"}}), clock);
  ASSERT_TRUE(desk) << desk.error().message;
  EXPECT_EQ((*desk)->Find("b")->spec().issuer, "https://b.example");
  EXPECT_EQ((*desk)->FindByIssuer("https://a.example")->spec().id, "a");
  EXPECT_EQ((*desk)->Find("c"), nullptr);
  EXPECT_FALSE(
      ProviderDesk::Open(Specs({{"a", "https://a.example"}, {"a", "https://b.example"}}), clock));
  EXPECT_FALSE(
      ProviderDesk::Open(Specs({{"a", "https://a.example"}, {"b", "https://a.example"}}), clock));
}

TEST(ProviderDesk, AnArrivalIsItsBrowsersAloneAndForAWhile) {
  const auto desk = ProviderDesk::Open({}, [] { return kNow; });
  (*desk)->Put("browser", From("a"), kNow);
  EXPECT_EQ((*desk)->Look("browser", kNow + 1)->provider, "a");
  EXPECT_FALSE((*desk)->Look("another", kNow + 1));
  EXPECT_FALSE((*desk)->Look("", kNow + 1));
  EXPECT_FALSE((*desk)->Look("browser", kNow + oidc::kLifeMs));
  (*desk)->Put("browser", From("b"), kNow);
  EXPECT_EQ((*desk)->Look("browser", kNow)->provider, "b") << "the last one counts";
  (*desk)->Drop("browser");
  EXPECT_FALSE((*desk)->Look("browser", kNow));
}

TEST(ProviderDesk, OfTooManyArrivalsTheOldestGivesWay) {
  const auto desk = ProviderDesk::Open({}, [] { return kNow; });
  for (std::size_t i = 0; i <= kArrivalsMax; ++i) {
    (*desk)->Put(std::to_string(i), From("a"), kNow);
  }
  EXPECT_FALSE((*desk)->Look("0", kNow));
  EXPECT_TRUE((*desk)->Look("1", kNow));
  EXPECT_TRUE((*desk)->Look(std::to_string(kArrivalsMax), kNow));
}

}  // namespace
}  // namespace holdfast::api
