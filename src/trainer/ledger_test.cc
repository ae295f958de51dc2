#include "trainer/ledger.h"

#include <fstream>

#include <gtest/gtest.h>

#include "trainer/test_folder.h"

namespace holdfast::trainer {
namespace {

void WriteNumber(const std::filesystem::path& path, double value) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << static_cast<std::int64_t>(value) << "\n";
}

TEST(EnergyMeter, SumsPackagesAndSurvivesWrapAround) {
  const TestFolder folder;
  WriteNumber(folder.path() / "intel-rapl:0" / "energy_uj", 5e6);
  WriteNumber(folder.path() / "intel-rapl:0" / "max_energy_range_uj", 10e6);
  WriteNumber(folder.path() / "intel-rapl:0:0" / "energy_uj", 1e6);
  WriteNumber(folder.path() / "intel-rapl:1" / "energy_uj", 1e6);
  EnergyMeter meter(folder.path());
  WriteNumber(folder.path() / "intel-rapl:0" / "energy_uj", 2e6);
  WriteNumber(folder.path() / "intel-rapl:0:0" / "energy_uj", 9e6);
  WriteNumber(folder.path() / "intel-rapl:1" / "energy_uj", 4e6);
  EXPECT_DOUBLE_EQ(meter.Take().value(), 10.0);
  EXPECT_DOUBLE_EQ(meter.Take().value(), 0.0);
}

TEST(EnergyMeter, SaysNothingWhereThereIsNoCounter) {
  const TestFolder folder;
  EnergyMeter meter(folder.path());
  EXPECT_FALSE(meter.Take().has_value());
  EnergyMeter missing(folder.path() / "none");
  EXPECT_FALSE(missing.Take().has_value());
}

TEST(Ledger, TellsHoursCostAndRates) {
  const Ledger ledger{
      .tokens = 7200, .flops = 1e12, .seconds = 7200, .joules = 720, .has_energy = true};
  const json::Object report = LedgerReport(ledger, 0.5, "USD");
  EXPECT_DOUBLE_EQ(report.at("hours").as_double(), 2);
  EXPECT_DOUBLE_EQ(report.at("cost").as_double(), 1);
  EXPECT_DOUBLE_EQ(report.at("tokens_per_second").as_double(), 1);
  EXPECT_DOUBLE_EQ(report.at("watts_mean").as_double(), 0.1);
  const auto back = Ledger::FromJson(ledger.ToJson());
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->tokens, 7200);
  EXPECT_TRUE(back->has_energy);
}

}  // namespace
}  // namespace holdfast::trainer
