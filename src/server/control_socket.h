// ControlSocket: how a verb of this binary asks the running gateway for what only that can do,
// since it holds the audit log and the ring of keys for itself. A Unix socket in the state folder,
// which nobody but its owner may enter; who asks must be that user or root.
//
// One question a connection, a JSON object on a line, answered by one: {"ok": {...}} or
// {"error": {"code", "message"}}. Questions are answered one after the other, on a thread of its
// own. Limits: kControlBytesMax a line; a question comes within a few seconds, or its connection
// ends.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "base/result.h"
#include "crypto/owned_file.h"
#include "json/json.h"

namespace holdfast::server {

inline constexpr std::size_t kControlBytesMax = 16 << 10;

class ControlSocket {
 public:
  using Answer = std::function<Result<json::Object>(const json::Object& question)>;

  // A socket that a process before left there is replaced: the state folder has one gateway.
  // Errors: kInvalidArgument (the path is too long for a socket), kIo and others of the system.
  [[nodiscard]] static Result<std::unique_ptr<ControlSocket>> Listen(
      const std::filesystem::path& state_dir, Answer answer);
  // Waits for the answer under way.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  ControlSocket(crypto::Descriptor listening, crypto::Descriptor stop, Answer answer);
  void Serve();
  void AnswerOne(int connection);

  const crypto::Descriptor listening_;
  const crypto::Descriptor stop_;
  const Answer answer_;
  std::thread thread_;
};

// What the gateway of that state folder answers; nullopt: none is running. Errors: those that it
// tells; kIo, kDeadlineExceeded (no answer within some minutes).
[[nodiscard]] Result<std::optional<json::Object>> AskGateway(const std::filesystem::path& state_dir,
                                                             const json::Object& question);

}  // namespace holdfast::server
