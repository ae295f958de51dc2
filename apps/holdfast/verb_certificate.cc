// holdfast certificate self-signed [--out DIR] [--name HOST]...: a certificate for the gateway.
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "holdfast/service_options.h"
#include "holdfast/verbs.h"
#include "net/self_signed.h"
#include "server/run_files.h"

namespace holdfast {
namespace {

struct CertificateOptions {
  ServiceOptions service;
  std::string folder;
  std::vector<std::string> names;
};

Result<void> Run(const server::Config& config, const CertificateOptions& options) {
  std::filesystem::path folder = options.folder;
  if (folder.empty()) {
    TRY_ASSIGN(folder, server::MakeStateDir(config.up));
  }
  TRY_ASSIGN(
      const net::SelfSignedFiles files,
      net::WriteSelfSigned(std::filesystem::absolute(folder), options.names, std::time(nullptr)));
  fmt::print("# Below [gateway] in holdfast.toml; good for {} days.\n", net::kSelfSignedDays);
  fmt::print("tls_certificate = \"{}\"\n", files.certificate.string());
  fmt::print("tls_key = \"{}\"\n", files.key.string());
  return {};
}

}  // namespace

void AddCertificate(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<CertificateOptions>();
  CLI::App* verb = app.add_subcommand("certificate", "Certificates for the gateway");
  verb->require_subcommand(1);
  CLI::App* self_signed = verb->add_subcommand(
      "self-signed", "Make a key and a certificate that browsers warn of until it is given them");
  AddServiceOptions(*self_signed, options->service);
  self_signed->add_option("--out", options->folder, "Folder for the files; default: state folder")
      ->check(CLI::ExistingDirectory);
  self_signed->add_option("--name", options->names,
                          "Host name or address, beside this machine's own; may be repeated");
  self_signed->callback([options, &exit_code] {
    exit_code = RunService(options->service, "certificate",
                           [&](server::Config& config) { return Run(config, *options); });
  });
}

}  // namespace holdfast
