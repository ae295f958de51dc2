#include "connections/body_flood.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>

#include "connections/crowd.h"
#include "connections/wire.h"

namespace holdfast::bench {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

struct Offer {
  explicit Offer(Wire wire_in) : wire(std::move(wire_in)) {}
  Wire wire;
  bool is_ready = false;
  bool is_over = false;
  std::string unsent_head;
  std::size_t unsent_bytes = 0;  // Of the body.
  std::string answer;
};

std::string Head(std::size_t body_bytes) {
  return fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n"
      "{{\"model\":\"bench\",\"messages\":[{{\"role\":\"user\",\"content\":\"",
      body_bytes);
}

void ReadAnswer(Offer& offer, BodyFloodResult& result) {
  std::array<char, 4096> bytes;
  std::size_t count = 0;
  const Wire::State state = offer.wire.Receive(bytes, count);
  if (state == Wire::State::kDone) offer.answer.append(bytes.data(), count);
  const bool is_whole = offer.answer.find("\r\n\r\n") + 4 < offer.answer.size();
  if (state != Wire::State::kFailed && !is_whole) return;
  ++result.refusals[RefusalWord(offer.answer)];
  offer.is_over = true;
  offer.wire.Close();
}

// True when something was sent.
bool SendMore(Offer& offer, std::string_view filler, BodyFloodResult& result) {
  if (!offer.is_ready) offer.is_ready = offer.wire.Prepare() == Wire::State::kDone;
  if (!offer.is_ready) return false;
  const std::string_view piece = offer.unsent_head.empty() ? filler.substr(0, offer.unsent_bytes)
                                                           : std::string_view(offer.unsent_head);
  std::size_t count = 0;
  if (piece.empty() || offer.wire.Send(piece, count) != Wire::State::kDone) return false;
  result.bytes_taken += count;
  if (offer.unsent_head.empty()) offer.unsent_bytes -= count;
  offer.unsent_head.erase(0, count);
  return true;
}

}  // namespace

Result<BodyFloodResult> OfferBodies(const BodyFloodOptions& options) {
  const auto deadline = Crowd::Clock::now() + options.time_max;
  const std::string filler(kPieceBytes, 'a');
  BodyFloodResult result;
  std::vector<Offer> offers;
  offers.reserve(options.connections);
  for (std::size_t i = 0; i < options.connections; ++i) {
    TRY_ASSIGN(Wire wire, Wire::Connect({options.port, SourceAddress(i), nullptr}));
    Offer& offer = offers.emplace_back(std::move(wire));
    offer.unsent_head = Head(options.body_bytes);
    // The head's blank line ends before the body begins; one byte never comes.
    const std::size_t begun = offer.unsent_head.size() - offer.unsent_head.find("\r\n\r\n") - 4;
    offer.unsent_bytes = options.body_bytes - begun - 1;
  }
  auto last_sent = Crowd::Clock::now();
  while (Crowd::Clock::now() < std::min(deadline, last_sent + options.still_time)) {
    std::vector<pollfd> waits;
    bool has_sent = false;
    for (Offer& offer : offers) {
      if (offer.is_over) continue;
      has_sent = SendMore(offer, filler, result) || has_sent;
      ReadAnswer(offer, result);
      if (!offer.is_over) waits.push_back({offer.wire.fd(), POLLIN, 0});
    }
    if (has_sent) last_sent = Crowd::Clock::now();
    constexpr int kLookMs = 5;
    if (!has_sent) ::poll(waits.data(), waits.size(), kLookMs);
  }
  return result;
}

}  // namespace holdfast::bench
