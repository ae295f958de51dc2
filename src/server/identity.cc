#include "server/identity.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace holdfast::server {
namespace {

std::string BytesOf(const net::Network& network) {
  const net::Address::V6Bytes& bytes = network.base.bytes();
  std::string text(bytes.begin(), bytes.end());
  text.push_back(static_cast<char>(network.prefix_bits));
  text.push_back(network.base.is_unix() ? '\1' : '\0');
  return text;
}

// "Mozilla/5.0 (...)" -> "Mozilla": the make, not the version, which people update one by one.
std::string_view MakeOf(std::string_view user_agent) {
  return user_agent.substr(0, user_agent.find_first_of("/ "));
}

}  // namespace

// A name in one kind is no name in another.
std::uint64_t CallerHasher::Name(std::string_view kind, std::string_view text) const {
  if (text.empty()) return 0;
  std::string named;
  named.reserve(kind.size() + 1 + text.size());
  named.append(kind).append("\n").append(text);
  const std::uint64_t hash = key_.Hash(named);
  return hash == 0 ? 1 : hash;  // 0 means absent.
}

guard::Caller CallerHasher::OfAddress(const net::Address& address) const {
  guard::Caller caller;
  caller.address = Name("address", BytesOf(address.client_network()));
  caller.prefix = Name("prefix", BytesOf(address.site()));
  return caller;
}

// The names of the headers in their order, and the makes that some of them tell.
std::uint64_t CallerHasher::Fingerprint(const http::RequestHead& head) const {
  constexpr std::size_t kUsualBytes = 512;
  std::string kinds;
  kinds.reserve(kUsualBytes);
  for (const http::Header& header : head.headers) {
    for (const char c : header.name) kinds.push_back(http::LowerCase(c));
    kinds.push_back('\n');
  }
  kinds += MakeOf(head.Find("user-agent"));
  kinds += '\n';
  kinds += head.Find("x-stainless-lang");
  return Name("fingerprint", kinds);
}

void CallerHasher::NameAccount(Identity& identity, std::string_view account_id,
                               std::string_view key_id) const {
  identity.caller.account = Name("account", account_id);
  identity.caller.key = Name("key", key_id);
  identity.client = fmt::format("{:016x}", Name("client of account", account_id));
}

void CallerHasher::NameLogin(Identity& identity, std::string_view name) const {
  std::string folded(name);
  for (char& c : folded) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  identity.caller.account = Name("login", folded);
}

Identity CallerHasher::Identify(const http::RequestHead& head,
                                const http::ClientFacts& client) const {
  Identity identity;
  identity.caller = OfAddress(client.address);
  identity.caller.fingerprint = Fingerprint(head);
  identity.is_encrypted = client.is_encrypted;
  return identity;
}

void CallerHasher::NameStranger(Identity& identity, const http::RequestHead& head) const {
  // A key that nobody has checked gives no rights; it only keeps apart those who send another.
  const std::string parts =
      fmt::format("{:016x}{:016x}{:016x}", identity.caller.address, identity.caller.fingerprint,
                  Name("authorization", head.Find("authorization")));
  identity.client = fmt::format("{:016x}", Name("client", parts));
}

}  // namespace holdfast::server
