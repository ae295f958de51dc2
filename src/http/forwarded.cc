#include "http/forwarded.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast::http {
namespace {

constexpr std::size_t kElementsMax = 64;

// One proxy's word about who connected to it.
struct Hop {
  std::optional<net::Address> client;  // nullopt: hidden, or not known.
  std::optional<bool> is_encrypted;
  std::string host;
};
// In the order of the header: the last is the nearest proxy's. nullopt: malformed.
using Hops = std::optional<std::vector<Hop>>;

bool IsTokenChar(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.find(c) != kMarks.npos;
}

bool IsDigits(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Takes a text apart from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool is_at_end() const { return rest_.empty(); }
  void SkipSpace() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Empty: there is none.
  std::string_view TakeToken() {
    const auto end = std::ranges::find_if_not(rest_, IsTokenChar);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    const std::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }
  // After its opening quote.
  std::optional<std::string> TakeQuoted() {
    std::string text;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      text.push_back(c);
    }
    return std::nullopt;
  }
  std::optional<std::string> TakeValue() {
    if (Take('"')) return TakeQuoted();
    const std::string_view token = TakeToken();
    if (token.empty()) return std::nullopt;
    return std::string(token);
  }

 private:
  std::string_view rest_;
};

// A name that a proxy made up, or a port so hidden: "_" and then letters, digits, '.', '_', '-'.
bool IsObfuscated(std::string_view text) {
  return text.size() > 1 && text.starts_with('_') && std::ranges::all_of(text, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

bool IsPort(std::string_view text) {
  constexpr std::size_t kDigitsMax = 5;
  return IsObfuscated(text) || (!text.empty() && text.size() <= kDigitsMax && IsDigits(text));
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "unknown", "_hidden". False: malformed.
bool ReadNode(std::string_view node, std::optional<net::Address>& client) {
  const bool is_bracketed = node.starts_with('[');
  const std::size_t end = is_bracketed ? node.find(']') : std::min(node.find(':'), node.size());
  if (end == std::string_view::npos) return false;
  const std::string_view name = is_bracketed ? node.substr(1, end - 1) : node.substr(0, end);
  const std::string_view port = node.substr(is_bracketed ? end + 1 : end);
  if (!port.empty() && (port.front() != ':' || !IsPort(port.substr(1)))) return false;
  if (!is_bracketed && (EqualsNoCase(name, "unknown") || IsObfuscated(name))) return true;
  client = net::Address::Parse(name);
  const bool has_colon = name.find(':') != std::string_view::npos;
  return client && !client->is_unix() && has_colon == is_bracketed;
}

bool ReadProto(std::string_view text, std::optional<bool>& is_encrypted) {
  is_encrypted = EqualsNoCase(text, "https") || EqualsNoCase(text, "wss");
  return *is_encrypted || EqualsNoCase(text, "http") || EqualsNoCase(text, "ws");
}

// One parameter of an element of Forwarded. False: malformed.
bool ReadPair(Cursor& cursor, Hop& hop) {
  const std::string_view name = cursor.TakeToken();
  if (name.empty() || !cursor.Take('=')) return false;
  const std::optional<std::string> value = cursor.TakeValue();
  if (!value) return false;
  if (EqualsNoCase(name, "for")) return ReadNode(*value, hop.client);
  if (EqualsNoCase(name, "proto")) return ReadProto(*value, hop.is_encrypted);
  if (EqualsNoCase(name, "host")) hop.host = *value;
  return true;
}

// RFC 7239, section 4.
Hops ReadForwarded(std::string_view text) {
  std::vector<Hop> hops;
  Cursor cursor(text);
  do {
    Hop hop;
    cursor.SkipSpace();
    if (!ReadPair(cursor, hop)) return std::nullopt;
    while (cursor.Take(';')) {
      if (!ReadPair(cursor, hop)) return std::nullopt;
    }
    cursor.SkipSpace();
    hops.push_back(std::move(hop));
    if (hops.size() > kElementsMax) return std::nullopt;
  } while (cursor.Take(','));
  if (!cursor.is_at_end()) return std::nullopt;
  return hops;
}

std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
    part = part.substr(0, part.find_last_not_of(" \t") + 1);
    parts.push_back(part);
    if (comma == text.size()) return parts;
    text.remove_prefix(comma + 1);
  }
}

// As Forwarded's node, and an IPv6 address may stand without brackets.
bool ReadPlainNode(std::string_view node, std::optional<net::Address>& client) {
  client = net::Address::Parse(node);
  if (client) return !client->is_unix();
  return ReadNode(node, client);
}

Hops ReadXForwardedFor(std::string_view text) {
  std::vector<Hop> hops;
  for (const std::string_view part : SplitList(text)) {
    if (!ReadPlainNode(part, hops.emplace_back().client)) return std::nullopt;
    if (hops.size() > kElementsMax) return std::nullopt;
  }
  return hops;
}

std::unexpected<Refusal> Malformed(std::string_view what) {
  return std::unexpected(Refusal{400, std::string(what)});
}

// From the nearest proxy's word back to the first address that is not trusted.
ClientFacts Walk(const std::vector<Hop>& hops, const ClientFacts& peer,
                 std::span<const net::Network> trusted) {
  ClientFacts client = peer;
  for (auto hop = hops.rbegin(); hop != hops.rend() && hop->client; ++hop) {
    client.address = *hop->client;
    client.is_encrypted = hop->is_encrypted.value_or(client.is_encrypted);
    client.host = hop->host;
    if (!net::IsIn(client.address, trusted)) break;
  }
  return client;
}

}  // namespace

std::expected<ClientFacts, Refusal> ClientOf(const RequestHead& head, const ClientFacts& peer,
                                             std::span<const net::Network> trusted) {
  if (!net::IsIn(peer.address, trusted)) return peer;
  const std::string forwarded = head.FindAll("forwarded");
  const std::string x_forwarded = head.FindAll("x-forwarded-for");
  ClientFacts client = peer;
  if (!x_forwarded.empty()) {
    const Hops hops = ReadXForwardedFor(x_forwarded);
    if (!hops) return Malformed("X-Forwarded-For is malformed");
    client = Walk(*hops, peer, trusted);
    if (const std::string protos = head.FindAll("x-forwarded-proto"); !protos.empty()) {
      std::optional<bool> is_encrypted;
      if (!ReadProto(SplitList(protos).back(), is_encrypted)) {
        return Malformed("X-Forwarded-Proto is malformed");
      }
      client.is_encrypted = *is_encrypted;
    }
  }
  if (!forwarded.empty()) {
    const Hops hops = ReadForwarded(forwarded);
    if (!hops) return Malformed("Forwarded is malformed");
    const ClientFacts said = Walk(*hops, peer, trusted);
    if (!x_forwarded.empty() && said.address != client.address) {
      return Malformed("Forwarded and X-Forwarded-For name different clients");
    }
    client = said;
  }
  return client;
}

}  // namespace holdfast::http
