// The events of an engine's answer: bytes arriving in pieces of a size the first byte chooses, cut
// into events and read. No byte is lost; the cut does not depend on the pieces; and what the strict
// parser takes for JSON, the light scan does too.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "http/sse.h"
#include "json/json.h"
#include "upstream/delta.h"
#include "upstream/json_scan.h"
#include "upstream/request_body.h"

namespace holdfast::fuzz {
namespace {

std::vector<std::string> Cut(std::string_view stream, std::size_t piece_bytes) {
  http::SseSplitter splitter;
  std::vector<std::string> events;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, piece_bytes);
    stream.remove_prefix(piece.size());
    CHECK(splitter.Push(piece).has_value());
    for (std::string event = splitter.Take(); !event.empty(); event = splitter.Take()) {
      events.push_back(std::move(event));
    }
  }
  std::string rest = splitter.TakeRest();
  if (!rest.empty()) events.push_back(std::move(rest));
  return events;
}

bool IsScannedAsJson(std::string_view text) {
  upstream::JsonScan scan(text);
  return scan.Skip() && scan.IsAtEnd();
}

void CheckJson(std::string_view text) {
  // The scan leaves UTF-8 and escaped surrogates to whoever reads the text, so it may take more.
  if (json::Parse(text, {.depth_max = 64})) CHECK(IsScannedAsJson(text));
}

void CheckBody(std::string_view text) {
  const auto body = std::make_shared<const std::string>(text);
  const upstream::RequestBody request(body, /*is_stream=*/true);
  for (const bool asks_running_usage : {false, true}) {
    std::string sent;
    for (const std::string_view part : request.Parts(asks_running_usage)) sent += part;
    if (IsScannedAsJson(text)) CHECK(IsScannedAsJson(sent));
    if (request.client_wants_usage() && !asks_running_usage) CHECK(sent == text);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const std::size_t piece_bytes = input.Byte() + std::size_t{1};
  const std::string_view stream = input.rest();
  const std::vector<std::string> events = fuzz::Cut(stream, piece_bytes);
  CHECK(events == fuzz::Cut(stream, stream.size() + 1));
  std::string together;
  for (const std::string& event : events) together += event;
  CHECK(together.starts_with(stream));
  for (const std::string& event : events) {
    const Result<upstream::Delta> delta = upstream::ReadEvent(event);
    fuzz::CheckJson(http::SseSplitter::Data(event));
    fuzz::CheckBody(http::SseSplitter::Data(event));
    if (!delta) continue;
    CHECK(delta->raw == event);
    CHECK(delta->data() == http::SseSplitter::Data(event));
    CHECK(delta->text_count <= delta->choice_count);
    (void)delta->Choices();
  }
  (void)upstream::ReadWhole(std::string(stream));
  return 0;
}
