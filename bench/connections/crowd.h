// Crowd: the clients of a proxy, thousands of connections on one epoll thread. Each sends one
// request and reads what comes: tokens of a ScriptedEngine, whose delays it notes, and comments.
//
// The clients come from addresses of 127.0.0.0/8, `kConnectionsPerAddress` from each, each address
// in a network of its own. At most `kOpeningMax` are on their way in at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "connections/wire.h"

namespace holdfast::bench {

// The address of the client with that index.
std::uint32_t SourceAddress(std::size_t index);

// A streamed chat completion that asks a ScriptedEngine for `word`.
std::string ChatRequest(std::string_view word);

// What a refusal says: its code, else its status; "closed" when it says nothing.
std::string RefusalWord(std::string_view answer);

class Crowd {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kConnectionsPerAddress = 20;
  static constexpr std::size_t kOpeningMax = 64;

  Crowd(int port, const TlsClients* tls);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Until when a client is on its way in.
  enum class Until { kAsked, kAnswered };
  // Opens `count` connections more and sends `request` on each. Stops at `time_max`, or when every
  // one is in or has been refused. Errors: as of Wire::Connect.
  [[nodiscard]] Result<void> Open(std::size_t count, const std::string& request, Until until,
                                  std::chrono::milliseconds time_max);
  // Reads what comes.
  void Listen(std::chrono::milliseconds time);

  // Clients that are in: asked, and neither refused nor cut off.
  std::size_t live_count() const { return live_; }
  const std::map<std::string, std::size_t>& refusals() const { return refusals_; }

  // Since ForgetEvents.
  struct Events {
    std::size_t tokens = 0;
    std::size_t comments = 0;
    std::vector<std::uint32_t> delays_us;  // Of the tokens.
  };
  const Events& events() const { return events_; }
  void ForgetEvents() { events_ = {}; }

 private:
  struct Client;

  void Poll(std::chrono::milliseconds time_max);
  void GoOn(Client& client);
  void Ask(Client& client);
  void Read(Client& client);
  void Take(Client& client, std::string_view bytes);
  void Arrive(Client& client);
  void Leave(Client& client);
  void Watch(Client& client, bool for_writing);

  const int port_;
  const TlsClients* const tls_;
  const int epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::size_t opening_ = 0;
  std::size_t live_ = 0;
  std::map<std::string, std::size_t> refusals_;
  Events events_;
};

// One more client, and how long it took until it had its answer.
struct Answered {
  double ms = 0;
  std::string word;  // As of RefusalWord, or "200".
};
Answered AskOnce(const Way& way, const std::string& request, std::chrono::milliseconds time_max);

}  // namespace holdfast::bench
