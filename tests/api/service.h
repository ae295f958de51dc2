// Service: a verb of the built binary as a child process, and a raw HTTP client, for tests over
// real sockets. Single-threaded.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "json/json.h"

namespace holdfast::testing {

// Generous: test machines are busy.
inline constexpr std::chrono::seconds kPatience{60};

// A folder that goes when this goes.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Service {
 public:
  // Runs the binary with `arguments`; `variables` are NAME=value. Its log goes to a file.
  Service(std::vector<std::string> arguments, std::vector<std::string> variables);
  // Kills what still runs.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Waits until the log has a line with `text` for the `count`-th time and returns what follows in
  // that line; nullopt when the process ends or patience does.
  std::optional<std::string> WaitLog(std::string_view text, int count = 1);
  std::string Log() const;

  void Signal(int signal) const;
  // Waits for the end; the exit code, or 128 + the signal. nullopt when patience ends.
  std::optional<int> WaitEnd();
  pid_t pid() const { return pid_; }

 private:
  TempFolder folder_;
  pid_t pid_ = -1;
};

// The number after the last colon of "http://127.0.0.1:12345/" or "127.0.0.1:12345,".
int PortIn(std::string_view text);

struct Response {
  int status = 0;                              // 0: the connection ended without an answer.
  std::map<std::string, std::string> headers;  // Lower-case names.
  std::string body;                            // Without chunk framing.
  bool is_complete = false;                    // The body came to its end.

  json::Value Json() const;
  // Member of "error" as text; empty if there is none.
  std::string Error(std::string_view member) const;
};

// One TCP connection to 127.0.0.1.
class Connection {
 public:
  explicit Connection(int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(std::string_view bytes);
  // Reads one response. `is_head`: without a body whatever its head says.
  Response Read(bool is_head = false);
  // Reads until `text` has come; false when the stream ends or patience does.
  bool ReadUntil(std::string_view text);
  // Everything read and not yet taken by Read.
  const std::string& pending() const { return buffer_; }
  // Reads what has come so far, and waits for nothing.
  void ReadWhatHasCome();
  // Reads what comes next; false when the stream ends or patience does.
  bool ReadMore() { return Fill(); }
  // Something has come that was not taken yet.
  bool HasInput() const;
  // Reads to the end of the stream; false when patience ends first.
  bool ReadToEnd();
  void Close();

 private:
  bool Fill();
  int fd_ = -1;
  std::string buffer_;
};

// The events of a stream's body: JSON, or "[DONE]".
std::vector<json::Value> Events(const std::string& body);

Response Get(int port, std::string_view path);
Response Post(int port, std::string_view path, std::string_view body);
std::string PostText(std::string_view path, std::string_view body);

}  // namespace holdfast::testing
