// One client of ServeGen: its windows, then, after a zero byte, its histograms of lengths.
#include "drill/serve_gen.h"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "fuzz/check_trace.h"
#include "fuzz/input.h"

constexpr double kRequestsMax = 1e6;  // A fuzzer has no time for more.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  static const auto folder = std::filesystem::temp_directory_path() /
                             ("holdfast-fuzz-serve-gen-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  fuzz::Input input(data, size);
  std::ofstream(folder / "chunk-0-trace.csv", std::ios::binary) << input.Text();
  std::ofstream(folder / "chunk-0-dataset.json", std::ios::binary) << input.rest();
  const drill::Lengths lengths;
  const auto trace = drill::ReadServeGen(folder.string(), lengths, 1, kRequestsMax);
  if (trace) fuzz::CheckTrace(**trace, lengths);
  return 0;
}
