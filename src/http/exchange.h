// Exchange: one request and its answer. The handler reads the body if it wants it, then either
// sends a whole answer or begins one and writes it in parts. Belongs to the coroutine that serves
// the connection; single-threaded.
//
// Invariant: exactly one answer is begun; after an error from Write the peer is gone or too slow
// and nothing more can be said to it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "http/repeats.h"
#include "http/request_reader.h"
#include "net/address.h"
#include "net/connection.h"
#include "net/stop.h"

namespace holdfast::http {

class Exchange {
 public:
  struct Facts {
    net::Address peer;  // Whom a trusted proxy connects for, if it says so.
    bool is_encrypted = false;
  };
  Exchange(net::Connection& connection, RequestReader& reader, const Facts& facts, RequestHead head,
           bool allows_keep_alive);

  const RequestHead& head() const { return head_; }
  const Facts& facts() const { return facts_; }
  net::Executor executor() { return connection_.executor(); }

  net::Awaitable<std::expected<std::string, Refusal>> ReadBody(const BodyLimits& limits) {
    return reader_.ReadBody(limits);
  }

  // For an answer that waits, streams or computes. False: so many hold places that short answers
  // would find none; refuse it with kConnectionsFull.
  [[nodiscard]] bool BeginLongAnswer() { return connection_.BeginLongAnswer(); }

  // A header of the answer, whoever will make it.
  void AddHeader(std::string name, std::string value);
  // Headers that every answer has, as of ResponseHead::lines; must outlive the exchange.
  void AddHeaderLines(std::string_view lines) { extra_lines_ = lines; }
  // The connection closes after the answer.
  void CloseAfterwards() { keeps_alive_ = false; }

  // A whole answer. `body` must live until it returns.
  net::Awaitable<Result<void>> Send(const ResponseHead& head, std::string_view body);
  // A whole answer, small, to a request whose body nobody wants: a short one is passed over, so
  // that the connection can stay. Where the next request has come already, this goes out with its
  // answer, or with SendHeld.
  net::Awaitable<Result<void>> SendUnread(const ResponseHead& head, std::string_view body);
  void SendHeld() { connection_.WriteHeld(); }
  // After SendUnread: how to answer the same request when it comes again (Repeats).
  void AnswerRepeats(Repeats::Again again);
  // An answer in parts: Begin, Write any number of times, End.
  net::Awaitable<Result<void>> Begin(const ResponseHead& head);
  net::Awaitable<Result<void>> Write(std::string_view part);
  net::Awaitable<Result<void>> End();
  // As Write, but never waits: false if the kernel did not take all of it. What is left goes out
  // before the next Write or End, which must come, and nothing is written now until then. Not while
  // a Write is under way.
  [[nodiscard]] bool WriteNow(std::string_view part);
  // Cuts the connection; the peer sees that the answer is incomplete.
  void Abort();

  // The peer read so slowly that the answer was cut off.
  bool is_reader_too_slow() const { return is_reader_too_slow_; }

  bool has_begun() const { return status_ != 0; }
  bool has_ended() const { return has_ended_; }
  int status() const { return status_; }  // 0: no answer yet.
  bool keeps_alive() const { return keeps_alive_ && has_ended_ && reader_.is_body_done(); }

  bool is_peer_gone() const { return connection_.is_peer_gone(); }
  // Ends what is under way for this request. The exchange stops it when its client leaves.
  net::StopSource& stop() { return stop_; }
  ~Exchange() { connection_.SetPeerGoneNotify(nullptr); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  net::Awaitable<Result<void>> WriteToPeer(std::string_view bytes);
  std::string WriteHead(const ResponseHead& head, std::string_view framing) const;
  std::string WriteWhole(const ResponseHead& head, std::string_view& body);
  std::string Framed(std::string_view part) const;

  net::Connection& connection_;
  RequestReader& reader_;
  const Facts& facts_;
  const RequestHead head_;
  std::vector<Header> extra_headers_;
  std::string_view extra_lines_;
  bool keeps_alive_;
  bool is_chunked_ = false;
  bool has_ended_ = false;
  bool is_passed_over_ = false;  // The body, by SendUnread.
  bool is_reader_too_slow_ = false;
  int status_ = 0;
  std::string unsent_;  // Of what WriteNow was given, as it goes to the peer.
  net::StopSource stop_;
};

}  // namespace holdfast::http
