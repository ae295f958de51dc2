// PROXY protocol headers: what a trusted proxy sends first. A whole header lies within the bytes,
// and reads the same whatever follows it.
#include "net/proxy_protocol.h"

#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using Kind = net::ProxyPrefix::Kind;
  const std::string_view bytes = fuzz::Input(data, size).rest();
  const Result<net::ProxyPrefix> prefix = net::ReadProxyPrefix(bytes);
  if (!prefix) return 0;
  if (prefix->kind == Kind::kIncomplete) {
    CHECK(bytes.size() < net::kProxyHeaderBytesMax);
  }
  if (prefix->kind == Kind::kWhole) {
    CHECK(prefix->bytes <= bytes.size() && prefix->bytes <= net::kProxyHeaderBytesMax);
    const Result<net::ProxyPrefix> again = net::ReadProxyPrefix(bytes.substr(0, prefix->bytes));
    CHECK(again && again->kind == Kind::kWhole && again->bytes == prefix->bytes);
    CHECK(again->client == prefix->client);
  }
  return 0;
}
