// One client of ServeGen: its windows, then, after a zero byte, its histograms of lengths.
#include "drill/serve_gen.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include <unistd.h>

#include "fuzz/check_trace.h"
#include "fuzz/input.h"

namespace holdfast::fuzz {
namespace {

constexpr double kRequestsMax = 1e6;  // A fuzzer has no time for more.

// Of this process, gone when it ends.
struct Folder {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("holdfast-fuzz-serve-gen-" + std::to_string(::getpid()));

  Folder() { std::filesystem::create_directories(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
};

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  static const fuzz::Folder kFolder;
  fuzz::Input input(data, size);
  std::ofstream(kFolder.path / "chunk-0-trace.csv", std::ios::binary) << input.Text();
  std::ofstream(kFolder.path / "chunk-0-dataset.json", std::ios::binary) << input.rest();
  const drill::Lengths lengths;
  const auto trace = drill::ReadServeGen(kFolder.path.string(), lengths, 1, fuzz::kRequestsMax);
  if (trace) fuzz::CheckTrace(**trace, lengths);
  return 0;
}
