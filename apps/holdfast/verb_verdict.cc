// holdfast verdict verify|explain|report BUNDLE: recomputes every figure of an incident's bundle,
// says in words what drove its verdict, or writes its report.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "holdfast/verbs.h"
#include "incidents/explain.h"
#include "incidents/report.h"
#include "incidents/verify.h"

namespace holdfast {
namespace {

Result<std::string> ReadText(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kNotFound, "{}: {}", path, error.message());
  if (bytes > incidents::kBundleBytesMax) {
    return Fail(ErrorCode::kTooLarge, "{}: {} bytes are over the limit of {}", path, bytes,
                incidents::kBundleBytesMax);
  }
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return Fail(ErrorCode::kIo, "{}: cannot be read", path);
  return text;
}

incidents::ReportFormat FormatOf(const std::string& path) {
  if (path.ends_with(".json")) return incidents::ReportFormat::kJson;
  if (path.ends_with(".html")) return incidents::ReportFormat::kHtml;
  return incidents::ReportFormat::kMarkdown;
}

struct Options {
  std::string bundle;
  std::string digest;
  std::string key;
  std::vector<std::string> reports;
};

struct Verified {
  incidents::Bundle bundle;
  std::string digest;
};

// A bundle with nothing in it that is not as it claims.
Result<Verified> ReadVerified(const Options& options) {
  TRY_ASSIGN(const std::string text, ReadText(options.bundle));
  const std::string digest = incidents::BundleDigest(text);
  if (!options.digest.empty() && options.digest != digest) {
    return Fail(ErrorCode::kCorrupt, "{}: its SHA-256 is {}, not {}", options.bundle, digest,
                options.digest);
  }
  TRY_ASSIGN(incidents::Verification verification, incidents::Verify(text));
  const std::string& signer = verification.bundle.signer;
  if (!options.key.empty() && options.key != signer) {
    return Fail(ErrorCode::kCorrupt, "{}: signed by {}, not by {}", options.bundle,
                signer.empty() ? "nobody" : signer, options.key);
  }
  for (const std::string& difference : verification.differences) log::error("{}", difference);
  if (!verification.differences.empty()) {
    return Fail(ErrorCode::kCorrupt, "{}: not what its input gives", options.bundle);
  }
  return Verified{.bundle = std::move(verification.bundle), .digest = digest};
}

std::string ReportOf(const incidents::Bundle& bundle, const std::string& path) {
  return incidents::WriteReport(bundle, incidents::JudgeBundle(bundle), FormatOf(path));
}

Result<void> RunVerify(const Options& options) {
  TRY_ASSIGN(const Verified verified, ReadVerified(options));
  for (const std::string& path : options.reports) {
    TRY_ASSIGN(const std::string report, ReadText(path));
    if (report != ReportOf(verified.bundle, path)) {
      return Fail(ErrorCode::kCorrupt, "{}: not the report of this bundle", path);
    }
  }
  const std::string& signer = verified.bundle.signer;
  std::printf(
      "verified: every figure recomputed equal\n"
      "SHA-256 %s\n"
      "signed by %s\n"
      "This shows that the verdict follows from these inputs. It cannot show that the inputs are\n"
      "true: an operator could have invented them. What speaks against that is that the SHA-256\n"
      "was published at the time (--digest), under a key that you know (--key).\n",
      verified.digest.c_str(), signer.empty() ? "nobody" : signer.c_str());
  return {};
}

Result<void> RunExplain(const Options& options) {
  TRY_ASSIGN(const Verified verified, ReadVerified(options));
  const incidents::Bundle& bundle = verified.bundle;
  const std::string text = incidents::Explain(bundle, incidents::JudgeBundle(bundle));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

Result<void> RunReport(const Options& options) {
  TRY_ASSIGN(const Verified verified, ReadVerified(options));
  for (const std::string& path : options.reports) {
    std::ofstream file(path, std::ios::binary);
    file << ReportOf(verified.bundle, path);
    if (!file.flush()) return Fail(ErrorCode::kIo, "{}: cannot be written", path);
  }
  return {};
}

using Task = Result<void> (*)(const Options&);

CLI::App* AddTask(CLI::App& verb, const char* name, const char* about, Task task,
                  const std::shared_ptr<Options>& options, int& exit_code) {
  CLI::App* added = verb.add_subcommand(name, about);
  added->add_option("BUNDLE", options->bundle, "Bundle of an incident (JSON)")->required();
  added->add_option("--digest", options->digest, "SHA-256 under which the bundle was published");
  added->add_option("--key", options->key, "Key that must have signed it (ed25519:...)");
  added->callback([task, options, &exit_code] {
    const Result<void> result = task(*options);
    if (result) return;
    log::error("{}", result.error().message);
    exit_code = 1;
  });
  return added;
}

}  // namespace

void AddVerdict(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("verdict", "Check, explain or print an incident's verdict");
  verb->require_subcommand(1);
  AddTask(*verb, "verify", "Recompute every figure of a bundle", RunVerify, options, exit_code)
      ->add_option("--report", options->reports, "Also check this report (.json, .md, .html)");
  AddTask(*verb, "explain", "Say what drove a verdict and what would change it", RunExplain,
          options, exit_code);
  AddTask(*verb, "report", "Write the report of a bundle", RunReport, options, exit_code)
      ->add_option("FILE", options->reports, "Where to; the form by its name (.json, .md, .html)")
      ->required();
}

}  // namespace holdfast
