// Sink: where the attackers of an unattacked run send what they send: it reads requests and refuses
// each, so that the generator does the same work and the service none. Owned by the run; made and
// dropped on the owner's thread, serves on a thread of its own.
#pragma once

#include <memory>

#include "http/server.h"
#include "net/io_threads.h"

namespace holdfast::rehearsal {

class Sink {
 public:
  // Listens on a free port of 127.0.0.1; its thread runs on `core` where that is not negative.
  // Errors as http::Server::Listen.
  [[nodiscard]] static Result<std::unique_ptr<Sink>> Open(int core);
  ~Sink();

  net::Endpoint endpoint() const { return server_.endpoints().front(); }

 private:
  Sink();

  net::IoThreads threads_{1};
  http::Server server_;
};

}  // namespace holdfast::rehearsal
