#include "incidents/bundle.h"

#include <algorithm>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/digest.h"
#include "incidents/report.h"
#include "incidents/test_incident.h"
#include "incidents/verify.h"

namespace holdfast::incidents {
namespace {

constexpr std::int64_t kZero = 1737986520;

crypto::SigningKey KeyOf(unsigned char seed) {
  std::array<std::byte, crypto::SigningKey::kSeedBytes> bytes{};
  bytes.fill(std::byte(seed));
  return crypto::SigningKey::FromSeed(bytes);
}

const Bundle& SignedBundle() {
  static const Bundle kBundle = [] {
    Bundle bundle = MakeBundle(test::MakeInput(), Depth::kEarly, kZero, 12345).bundle;
    Sign(bundle, KeyOf(1));
    return bundle;
  }();
  return kBundle;
}

const std::string& BundleText() {
  static const std::string kText = WriteBundle(SignedBundle());
  return kText;
}

json::Object Parsed() { return json::Parse(BundleText()).value().as_object(); }

std::string HexOf(const json::Value& value) {
  crypto::Sha256 digest;
  digest.Update(json::Write(value));
  return crypto::HexDigest(digest.Finish());
}

// As a forger would, who knows how the manifest is made, but has no key.
std::string WithNewManifest(json::Object file) {
  json::Object& manifest = file["manifest"].as_object();
  for (auto& [name, digest] : manifest) {
    if (const json::Value* section = json::Find(file["inputs"].as_object(), name)) {
      digest = HexOf(*section);
    }
  }
  manifest["claims"] = HexOf(file["claims"]);
  file.erase("signature");
  return json::Write(file);
}

struct Leaf {
  json::Value* value = nullptr;
  std::string path;
};

void CollectLeaves(json::Value& value, const std::string& path, std::vector<Leaf>& leaves) {
  if (value.is_object()) {
    for (auto& [key, member] : value.get_object()) {
      CollectLeaves(member, fmt::format("{}.{}", path, std::string_view(key)), leaves);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      CollectLeaves(value.get_array()[i], fmt::format("{}[{}]", path, i), leaves);
    }
  } else {
    leaves.push_back({&value, path});
  }
}

void Alter(json::Value& leaf) {
  if (leaf.is_bool()) {
    leaf = !leaf.get_bool();
  } else if (leaf.is_int64()) {
    leaf = leaf.get_int64() + 1;
  } else {
    std::string text(leaf.get_string());
    if (text.empty()) {
      text = "1";
    } else {
      text.back() = text.back() == '1' ? '2' : '1';
    }
    leaf = text;
  }
}

TEST(Bundle, IsVerifiedAsItWasMade) {
  const auto verification = Verify(BundleText());
  ASSERT_TRUE(verification.has_value()) << verification.error().message;
  EXPECT_TRUE(verification->differences.empty()) << verification->differences.front();
  EXPECT_EQ(WriteBundle(verification->bundle), BundleText());
}

TEST(Bundle, ItsClaimsAreCloseToTheVerdictOnTheRawInput) {
  const Bundle bundle = ReadBundle(BundleText()).value();
  verdict::JudgeInput input = test::MakeInput();
  for (guard::ClusterScore& score : input.scores) {
    score.log_odds = guard::LogOdds(score.evidence, guard::kCalibration);
  }
  const verdict::Verdict raw = verdict::Judge(input, SeedOf(bundle), JudgementOf(Depth::kEarly));
  const verdict::Verdict rounded = JudgeBundle(bundle);
  EXPECT_EQ(raw.label, rounded.label);
  EXPECT_EQ(raw.requests, rounded.requests);
  EXPECT_NEAR(raw.lost_observed, rounded.lost_observed, 0.01 * raw.lost_observed);
  for (std::size_t cause = 0; cause < raw.shares.size(); ++cause) {
    EXPECT_NEAR(raw.shares[cause].median, rounded.shares[cause].median, 0.05);
  }
}

TEST(Bundle, EveryAlterationIsRejected) {
  Random random(20250127);
  for (int i = 0; i < 200; ++i) {
    json::Value file = Parsed();
    std::vector<Leaf> leaves;
    CollectLeaves(file, "", leaves);
    const Leaf& leaf = leaves[random.Next() % leaves.size()];
    Alter(*leaf.value);
    const auto bundle = ReadBundle(json::Write(file));
    ASSERT_FALSE(bundle.has_value()) << leaf.path;
    const std::size_t dot = leaf.path.find('.', 1);
    const bool is_input = leaf.path.starts_with(".inputs.");
    const std::string section = is_input ? leaf.path.substr(8, leaf.path.find_first_of(".[", 8) - 8)
                                         : leaf.path.substr(1, dot - 1);
    if (is_input || section == "claims") {
      EXPECT_NE(bundle.error().message.find("'" + section + "'"), std::string::npos)
          << leaf.path << ": " << bundle.error().message;
    }
  }
}

// Every field of every section once, each of the long sections' columns among them.
TEST(Bundle, NoFieldChangesUnseen) {
  json::Value file = Parsed();
  std::vector<Leaf> leaves;
  CollectLeaves(file, "", leaves);
  std::set<std::string> tried;
  for (const Leaf& leaf : leaves) {
    static const std::regex kRow("\\[[0-9]+\\](?=\\[)");
    if (!tried.insert(std::regex_replace(leaf.path, kRow, "[]")).second) continue;
    const json::Value before = *leaf.value;
    Alter(*leaf.value);
    EXPECT_FALSE(ReadBundle(json::Write(file)).has_value()) << leaf.path;
    *leaf.value = before;
  }
  EXPECT_GT(tried.size(), 100U);
}

TEST(Bundle, IsSignedAsAWhole) {
  json::Object file = Parsed();
  EXPECT_TRUE(ReadBundle(json::Write(file)).has_value());
  EXPECT_TRUE(SignedBundle().signer.starts_with("ed25519:"));
  Bundle other = MakeBundle(test::MakeInput(), Depth::kEarly, kZero, 999).bundle;
  Sign(other, KeyOf(1));
  json::Object of_other = json::Parse(WriteBundle(other)).value().as_object();
  file["signature"] = of_other["signature"];
  EXPECT_EQ(ReadBundle(json::Write(file)).error().code, ErrorCode::kCorrupt);
  // Whoever has a key of their own can sign anything, as themselves.
  Sign(other, KeyOf(2));
  const Bundle read = ReadBundle(WriteBundle(other)).value();
  EXPECT_NE(read.signer, SignedBundle().signer);
}

TEST(Bundle, NobodyChoosesTheDraws) {
  const Bundle first = ReadBundle(BundleText()).value();
  Bundle second = first;
  EXPECT_EQ(SeedOf(first), SeedOf(second));
  second.input.records.back().tokens_max += 1;
  EXPECT_NE(SeedOf(first), SeedOf(second));
}

TEST(Bundle, TellsNoTimeFinerThanASecondOfAnybody) {
  std::vector<guard::Time> arrivals;
  for (const verdict::JournalRecord& record : test::MakeInput().records) {
    arrivals.push_back(record.arrival);
  }
  const Bundle bundle = ReadBundle(BundleText()).value();
  std::size_t same = 0;
  for (const verdict::JournalRecord& record : bundle.input.records) {
    same += std::ranges::binary_search(arrivals, record.arrival) ? 1 : 0;
  }
  EXPECT_LT(same, bundle.input.records.size() / 50);
}

TEST(Bundle, WhatIsTooMuchIsThinnedAndReadAgain) {
  verdict::JudgeInput input = test::MakeInput();
  input.capacity.steps.clear();
  for (int i = 0; i < 20'000; ++i) {
    input.capacity.steps.push_back(
        {.time = guard::AtSeconds(60 + 0.002 * i), .engine_share = i % 2 == 0 ? 0.7 : 1.0});
    input.probes.push_back({.time = guard::AtSeconds(80 + 0.001 * i)});
    input.gaps.push_back(
        {.from = guard::AtSeconds(10 + 0.001 * i), .to = guard::AtSeconds(10 + 0.001 * i + 2e-6)});
  }
  const Bundle bundle = MakeBundle(input, Depth::kEarly, kZero, 1).bundle;
  EXPECT_LE(bundle.input.capacity.steps.size(), kBundleStepsMax);
  EXPECT_EQ(bundle.input.capacity.steps.back().engine_share, 1.0);
  EXPECT_TRUE(ReadBundle(WriteBundle(bundle)).has_value());
}

TEST(Bundle, AForgedFigureIsNamedThoughTheManifestWasMadeToFit) {
  Random random(7);
  for (int i = 0; i < 25; ++i) {
    json::Object file = Parsed();
    std::vector<Leaf> leaves;
    CollectLeaves(file["claims"], "claims", leaves);
    const Leaf leaf = leaves[random.Next() % leaves.size()];
    Alter(*leaf.value);
    const auto verification = Verify(WithNewManifest(file));
    ASSERT_TRUE(verification.has_value()) << verification.error().message;
    ASSERT_EQ(verification->differences.size(), 1U) << leaf.path;
    EXPECT_TRUE(verification->differences[0].starts_with(leaf.path + ":"))
        << verification->differences[0];
  }
}

TEST(Bundle, AForgedInputDoesNotGiveTheClaims) {
  const auto forge = [](auto change) {
    json::Object file = Parsed();
    change(file["inputs"].as_object());
    const auto verification = Verify(WithNewManifest(file));
    return !verification.has_value() || !verification->differences.empty();
  };
  EXPECT_FALSE(forge([](json::Object&) {}));
  EXPECT_TRUE(
      forge([](json::Object& inputs) { inputs["incident"].as_object()["depth"] = "final"; }));
  EXPECT_TRUE(forge([](json::Object& inputs) { inputs["records"].as_array().resize(1500); }));
  EXPECT_TRUE(forge([](json::Object& inputs) { inputs["provision"].as_array().clear(); }));
  EXPECT_TRUE(forge([](json::Object& inputs) { inputs["capacity"].as_array().clear(); }));
  EXPECT_TRUE(forge([](json::Object& inputs) { inputs["scores"].as_array().clear(); }));
  EXPECT_TRUE(
      forge([](json::Object& inputs) { inputs["service"].as_object()["step_base_s"] = "0.04"; }));
  EXPECT_TRUE(forge([](json::Object& inputs) {
    for (json::Value& row : inputs["scores"].as_array()) {
      row.as_array()[6] = -row.as_array()[6].as_int64();
    }
  }));
}

TEST(Bundle, HoldsNoNameOfAnybody) {
  const Bundle bundle = ReadBundle(BundleText()).value();
  const verdict::Verdict verdict = JudgeBundle(bundle);
  std::vector<std::uint64_t> canaries;
  for (const verdict::JournalRecord& record : test::MakeInput().records) {
    canaries.insert(canaries.end(), {record.client, record.group, record.request});
  }
  for (const guard::ClusterScore& score : test::MakeInput().scores) {
    canaries.insert(canaries.end(), {score.client, score.group});
  }
  std::ranges::sort(canaries);
  canaries.erase(std::ranges::unique(canaries).begin(), canaries.end());
  ASSERT_GT(canaries.size(), 1000U);
  for (const std::string& text : {BundleText(), WriteReport(bundle, verdict, ReportFormat::kJson),
                                  WriteReport(bundle, verdict, ReportFormat::kMarkdown),
                                  WriteReport(bundle, verdict, ReportFormat::kHtml)}) {
    for (const std::uint64_t canary : canaries) {
      ASSERT_EQ(text.find(fmt::format("{}", canary)), std::string::npos);
      ASSERT_EQ(text.find(fmt::format("{:x}", canary)), std::string::npos);
      ASSERT_EQ(text.find(fmt::format("{:X}", canary)), std::string::npos);
      ASSERT_EQ(text.find(fmt::format("{}", static_cast<std::int64_t>(canary))), std::string::npos);
    }
  }
}

TEST(Bundle, AnotherSecretGivesOtherNumbersAndNearlyTheSameVerdict) {
  const Bundle first = ReadBundle(BundleText()).value();
  const Bundle second = MakeBundle(test::MakeInput(), Depth::kEarly, kZero, 999).bundle;
  int same = 0;
  ASSERT_EQ(first.input.records.size(), second.input.records.size());
  for (std::size_t i = 0; i < first.input.records.size(); ++i) {
    if (first.input.records[i].client == second.input.records[i].client) ++same;
  }
  EXPECT_LT(same, static_cast<int>(first.input.records.size() / 50));
  EXPECT_EQ(json::Find(first.claims.as_object(), "label")->as_string(),
            json::Find(second.claims.as_object(), "label")->as_string());
}

struct BadCase {
  const char* name;
  std::string text;
  ErrorCode code;
  const char* says;
};

std::vector<BadCase> BadCases() {
  const auto altered = [](auto change) {
    json::Object file = Parsed();
    change(file);
    return WithNewManifest(file);
  };
  const auto row = [&](std::size_t column, std::int64_t value) {
    return altered([&](json::Object& file) {
      file["inputs"].as_object()["records"].as_array()[3].as_array()[column] = value;
    });
  };
  return {
      {"empty", "", ErrorCode::kInvalidArgument, "JSON"},
      {"list", "[]", ErrorCode::kInvalidArgument, "object"},
      {"other", R"({"format":"zip"})", ErrorCode::kInvalidArgument, "not a verdict bundle"},
      {"version", altered([](json::Object& file) { file["version"] = 9; }), ErrorCode::kUnsupported,
       "version 9"},
      {"version before", altered([](json::Object& file) { file["version"] = 2; }),
       ErrorCode::kUnsupported, "version 2: this release judges by version 3 alone"},
      {"truncated", BundleText().substr(0, BundleText().size() / 2), ErrorCode::kInvalidArgument,
       "JSON"},
      {"size", std::string(kBundleBytesMax + 1, ' '), ErrorCode::kTooLarge, "limit"},
      {"deep", std::string(100, '['), ErrorCode::kInvalidArgument, "JSON"},
      {"section", altered([](json::Object& file) { file["inputs"].as_object().erase("gaps"); }),
       ErrorCode::kInvalidArgument, "'gaps'"},
      {"extra", altered([](json::Object& file) { file["inputs"].as_object()["more"] = 1; }),
       ErrorCode::kInvalidArgument, "sections that a bundle has not"},
      {"member", altered([](json::Object& file) {
         file["inputs"].as_object()["incident"].as_object()["note"] = "x";
       }),
       ErrorCode::kInvalidArgument, "'incident'"},
      {"spelling", altered([](json::Object& file) {
         file["inputs"].as_object()["service"].as_object()["weight_input"] = "1.0";
       }),
       ErrorCode::kInvalidArgument, "'service'"},
      {"nan", altered([](json::Object& file) {
         file["inputs"].as_object()["service"].as_object()["weight_input"] = "nan";
       }),
       ErrorCode::kInvalidArgument, "'weight_input'"},
      {"route", row(14, 200), ErrorCode::kInvalidArgument, "row 3: 'route'"},
      {"weight", row(12, 0), ErrorCode::kInvalidArgument, "row 3: 'weight'"},
      {"negative", row(0, -5), ErrorCode::kInvalidArgument, "row 3: 'arrival_s'"},
      {"order", row(0, 89'000), ErrorCode::kInvalidArgument, "not in the order of a bundle"},
      {"many records", altered([](json::Object& file) {
         json::Array& records = file["inputs"].as_object()["records"].as_array();
         records.resize(kBundleRecordsMax + 1, 0);
       }),
       ErrorCode::kTooLarge, "'records'"},
      {"depth", altered([](json::Object& file) {
         file["inputs"].as_object()["incident"].as_object()["depth"] = "deep";
       }),
       ErrorCode::kInvalidArgument, "'depth'"},
      {"score twice", altered([](json::Object& file) {
         json::Array& scores = file["inputs"].as_object()["scores"].as_array();
         scores.insert(scores.begin(), scores.front());
       }),
       ErrorCode::kInvalidArgument, "not in order of client"},
  };
}

// What is judged by other detectors or coefficients is a bundle of another version. Who changes
// them raises kVersion (bundle.cc), says so in docs/formats/verdict-bundle.md, and then pins here.
TEST(Bundle, VersionPinsTheDetectorsAndWhatTheyWeigh) {
  const guard::Calibration& calibration = guard::kCalibration;
  std::string text =
      fmt::format("{:.3f} {}", calibration.prior, fmt::join(calibration.family_max, " "));
  for (int d = 0; d < guard::kDetectorCount; ++d) {
    text += fmt::format(" {} {:.3f}", guard::DetectorWord(static_cast<guard::Detector>(d)),
                        calibration.coefficient[static_cast<std::size_t>(d)]);
  }
  EXPECT_EQ(BundleDigest(text).substr(0, 16), "2390bc0941261a17") << text;
  EXPECT_EQ(Parsed().at("version").as_int64(), 3);
}

TEST(Bundle, HostileFilesAreRefusedWithTheirFaultNamed) {
  for (const BadCase& bad : BadCases()) {
    const auto bundle = ReadBundle(bad.text);
    ASSERT_FALSE(bundle.has_value()) << bad.name;
    EXPECT_EQ(bundle.error().code, bad.code) << bad.name << ": " << bundle.error().message;
    EXPECT_NE(bundle.error().message.find(bad.says), std::string::npos)
        << bad.name << ": " << bundle.error().message;
  }
}

}  // namespace
}  // namespace holdfast::incidents
