// Trace of traffic as CSV, of requests or of counts. What is read is in order and within bounds.
#include <cstdint>
#include <sstream>
#include <string>

#include "drill/traces.h"
#include "fuzz/check_trace.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  std::istringstream csv{std::string(fuzz::Input(data, size).rest())};
  const drill::Lengths lengths;
  const auto trace = drill::ParseTrace(csv, lengths, 1);
  if (trace) fuzz::CheckTrace(**trace, lengths);
  return 0;
}
