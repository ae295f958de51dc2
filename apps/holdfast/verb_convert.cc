// holdfast convert SRC DST [--type T] [--format F]: converts a model between formats and types.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "base/log.h"
#include "convert/convert.h"
#include "holdfast/verbs.h"

namespace holdfast {
namespace {

using tensor::DType;

const std::map<std::string, DType> kTypes{
    {"f32", DType::kF32},   {"f16", DType::kF16},   {"bf16", DType::kBF16},
    {"q8_0", DType::kQ8_0}, {"q4_0", DType::kQ4_0}, {"q4_1", DType::kQ4_1},
    {"q5_0", DType::kQ5_0}, {"q5_1", DType::kQ5_1}, {"q4_k", DType::kQ4_K},
    {"q5_k", DType::kQ5_K}, {"q6_k", DType::kQ6_K}, {"fp8", DType::kF8E4M3}};

const std::map<std::string, convert::Format> kFormats{
    {"gguf", convert::Format::kGguf}, {"safetensors", convert::Format::kSafetensors}};

// One line that overwrites itself on a terminal; one line per tenth elsewhere.
void PrintProgress(const convert::Progress& progress) {
  const double done = static_cast<double>(progress.bytes_done);
  const double share = done / static_cast<double>(std::max<std::uint64_t>(progress.bytes_total, 1));
  const bool is_last = progress.tensor_index == progress.tensor_count;
  const std::size_t tenth = progress.tensor_count / 10 + 1;
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  if (!is_terminal && !is_last && progress.tensor_index % tenth != 0) return;
  fmt::print(stderr, "{}{:5.1f} %  {:.1f} MB  {}/{}  {}{}", is_terminal ? "\r\033[K" : "",
             100.0 * share, done / 1e6, progress.tensor_index, progress.tensor_count,
             progress.tensor_name, is_terminal && !is_last ? "" : "\n");
}

struct Options {
  std::string source;
  std::string target;
  std::string type;    // A key of kTypes, or empty.
  std::string format;  // A key of kFormats, or empty.
  bool overwrite = false;
  int threads = 0;
};

int RunConvert(const Options& options) {
  parallel::ThreadPool pool(options.threads);
  convert::ConvertOptions wanted{.format = options.format.empty()
                                               ? convert::FormatOfPath(options.target)
                                               : kFormats.at(options.format),
                                 .overwrite = options.overwrite,
                                 .progress = PrintProgress};
  if (!options.type.empty()) wanted.type = kTypes.at(options.type);
  const auto report = convert::Convert(options.source, options.target, wanted, pool);
  if (!report) {
    log::error("{}", report.error().message);
    return 1;
  }
  for (const std::string& name : report->left_out) log::warn("left out: {}", name);
  if (!report->has_tokenizer) log::warn("the source has no tokenizer");
  log::info("{}: {} tensors, {:.1f} MB, read back and compared{}", options.target, report->tensors,
            static_cast<double>(report->bytes) / 1e6,
            report->has_compared_logits ? ", logits too" : "");
  return 0;
}

}  // namespace

void AddConvert(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("convert", "Convert a model between formats and types");
  verb->add_option("SRC", options->source, "Hugging Face directory, .gguf or .safetensors file")
      ->required();
  verb->add_option("DST", options->target, "A name ending in .gguf, or a new directory")
      ->required();
  verb->add_option("--type", options->type, "Type of the matrices; left out, types are kept")
      ->transform(CLI::IsMember(kTypes, CLI::ignore_case));
  verb->add_option("--format", options->format, "gguf or safetensors; left out, DST's name decides")
      ->transform(CLI::IsMember(kFormats, CLI::ignore_case));
  verb->add_flag("--overwrite", options->overwrite, "Replace a DST file that exists");
  verb->add_option("--threads", options->threads, "0: one per CPU")->check(CLI::Range(0, 1024));
  verb->callback([options, &exit_code] { exit_code = RunConvert(*options); });
}

}  // namespace holdfast
