#include "crypto/totp.h"

#include <gtest/gtest.h>

namespace holdfast::crypto {
namespace {

using std::chrono::seconds;

Secret RfcKey() { return Secret{std::string("12345678901234567890")}; }

// RFC 6238, appendix B: the last six of its eight digits.
TEST(Totp, MatchesTheVectorsOfTheRfc) {
  const struct {
    std::int64_t second;
    std::string_view code;
  } cases[] = {
      {59, "287082"},
      {1'111'111'109, "081804"},
      {1'111'111'111, "050471"},
      {1'234'567'890, "005924"},
      {2'000'000'000, "279037"},
      {20'000'000'000, "353130"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(TotpCode(RfcKey(), c.second / 30), c.code) << c.second;
    EXPECT_EQ(MatchTotp(RfcKey(), c.code, seconds(c.second)), c.second / 30);
  }
}

TEST(Totp, TakesTheCodeOfOneStepEitherSideAndSaysWhichItWas) {
  constexpr std::int64_t kStep = 1000;
  const std::string code = TotpCode(RfcKey(), kStep);
  const struct {
    std::int64_t second;
    bool is_taken;
  } cases[] = {
      {(kStep - 1) * 30 - 1, false}, {(kStep - 1) * 30, true},     {kStep * 30, true},
      {kStep * 30 + 29, true},       {(kStep + 2) * 30 - 1, true}, {(kStep + 2) * 30, false},
  };
  for (const auto& c : cases) {
    const auto step = MatchTotp(RfcKey(), code, seconds(c.second));
    EXPECT_EQ(step.has_value(), c.is_taken) << c.second;
    EXPECT_EQ(step.value_or(kStep), kStep);
  }
}

TEST(Totp, TakesNothingButSixDigitsOfItsKey) {
  constexpr seconds kNow{59};
  for (const std::string_view code :
       {"", "287083", "28708", "2870820", " 287082", "287082\n", "94287082", "0x1234"}) {
    EXPECT_FALSE(MatchTotp(RfcKey(), code, kNow)) << code;
  }
  EXPECT_FALSE(MatchTotp(Secret{std::string("22345678901234567890")}, "287082", kNow));
}

TEST(Totp, AtTheBeginningOfTimeNothingBreaks) {
  EXPECT_EQ(MatchTotp(RfcKey(), TotpCode(RfcKey(), 0), seconds(0)), 0);
  EXPECT_FALSE(MatchTotp(RfcKey(), "000000", seconds(0)));
}

TEST(Totp, MakesAnotherKeyEachTimeAndAUriThatAnAppReads) {
  const Secret key = MakeTotpKey();
  EXPECT_EQ(key.Reveal().size(), kTotpKeyBytes);
  EXPECT_FALSE(key.Equals(MakeTotpKey().Reveal()));
  EXPECT_EQ(TotpUri(RfcKey(), "Hold fast", "ann&b:c@example.org/?").Reveal(),
            "otpauth://totp/Hold%20fast:ann%26b%3Ac%40example.org%2F%3F"
            "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Hold%20fast"
            "&algorithm=SHA1&digits=6&period=30");
}

}  // namespace
}  // namespace holdfast::crypto
