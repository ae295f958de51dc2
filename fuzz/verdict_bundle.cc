// Bundle of a verdict. What is read must be written again the same, and a small one can be judged
// and reported whatever its numbers. The manifest, which no mutation could keep true, is made anew.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "fuzz/input.h"
#include "incidents/report.h"
#include "incidents/verify.h"

namespace holdfast::fuzz {
namespace {

constexpr std::size_t kRecordsMax = 64;

std::string WithManifest(const json::Object& file) {
  json::Object made = file;
  json::Object manifest;
  if (const auto inputs = json::RequireObject(file, "inputs")) {
    for (const auto& [name, section] : **inputs) {
      manifest[name] = incidents::BundleDigest(json::Write(section));
    }
  }
  if (const json::Value* claims = json::Find(file, "claims")) {
    manifest["claims"] = incidents::BundleDigest(json::Write(*claims));
  }
  made["manifest"] = std::move(manifest);
  return json::Write(made);
}

void Judge(incidents::Bundle bundle) {
  // Weights and draws make many attempts of few records; a fuzzer has no time for these.
  for (verdict::JournalRecord& record : bundle.input.records) record.weight = record.clients = 1;
  verdict::JudgeOptions options = incidents::JudgementOf(bundle.depth);
  options.draws = 1;
  options.attempts_max = 1000;
  bundle.input.report_interval = std::chrono::minutes(1);
  bundle.input.admission.clients_max = 8;
  const verdict::Verdict verdict = verdict::Judge(bundle.input, 1, options);
  for (const auto format : {incidents::ReportFormat::kJson, incidents::ReportFormat::kMarkdown,
                            incidents::ReportFormat::kHtml}) {
    CHECK(!incidents::WriteReport(bundle, verdict, format).empty());
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view text = fuzz::Input(data, size).rest();
  (void)incidents::ReadBundle(text);
  const auto value = json::Parse(text, {.text_bytes_max = 256 << 10, .depth_max = 12});
  if (!value || !value->is_object()) return 0;
  const auto bundle = incidents::ReadBundle(fuzz::WithManifest(value->get_object()));
  if (!bundle) return 0;
  const std::string written = incidents::WriteBundle(*bundle);
  const auto again = incidents::ReadBundle(written);
  CHECK(again.has_value());
  CHECK(incidents::WriteBundle(*again) == written);
  if (bundle->input.records.size() <= fuzz::kRecordsMax) fuzz::Judge(*bundle);
  return 0;
}
