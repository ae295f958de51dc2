// Forwarded and X-Forwarded-For from a trusted proxy, and Host: whatever they hold, a client comes
// out or a refusal. The first byte chooses the field.
#include "http/forwarded.h"

#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "http/host.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  fuzz::Input input(data, size);
  const bool is_x = (input.Byte() & 1) != 0;
  const std::string value(input.rest());
  const std::vector<net::Network> trusted{net::Network::Parse("10.0.0.0/8").value()};
  const http::ClientFacts peer{net::Address::Parse("10.0.0.1").value(), false, {}};
  http::RequestHead head;
  head.headers.push_back({is_x ? "X-Forwarded-For" : "Forwarded", value});
  const auto client = http::ClientOf(head, peer, trusted);
  if (!client) {
    CHECK(client.error().status == 400 && !client.error().message.empty());
  } else {
    CHECK(!client->address.is_unix());
  }
  if (const auto host = http::ParseHost(value)) {
    CHECK(!host->name.empty());
    CHECK(host->name.find_first_of("/@ []") == std::string::npos);
  }
  return 0;
}
