// EngineSpec: one OpenAI-compatible endpoint as an operator names it: where it is, which models it
// serves, how much of the load it takes, and how to be let in. Value types.
//
//   unix:/run/holdfast/engine.sock     an engine on this machine
//   http://10.0.0.7:8000/base          any engine; requests go to /base/v1/...
//   https://api.example.com/v1         a base that ends in /v1 is the API's own root
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "net/endpoint.h"

namespace holdfast::upstream {

struct EngineTls {
  std::filesystem::path ca_file;  // PEM; empty: the system's.
  std::string server_name;        // Empty: the host of the URL.
  bool insecure = false;          // Any certificate will do. For a test bench.
};

struct EngineSpec {
  std::string name;                 // For logs, metrics and the operator; unique in a pool.
  std::string url;                  // See above.
  std::vector<std::string> models;  // Empty: what the engine lists.
  double weight = 1;                // Its share of the load, > 0.
  Secret key;                       // Sent as "Authorization: Bearer ..."; empty: none.
  EngineTls tls;
};

// A URL taken apart.
struct EngineAddress {
  net::Endpoint endpoint;
  bool is_tls = false;
  std::string base;  // Before "/v1/..."; begins with '/' and does not end in one, or is empty.
  std::string host;  // For the Host header.
};

// Errors: kInvalidArgument, naming the URL (which holds no secret: user and password are refused).
[[nodiscard]] Result<EngineAddress> ParseEngineUrl(std::string_view url);

// The first line of a file, without blanks around it. Errors: kNotFound, kPermissionDenied, kIo,
// kInvalidArgument (empty, a byte that fits no header), kTooLarge; they name the file, never what
// is in it.
[[nodiscard]] Result<Secret> ReadKeyFile(const std::filesystem::path& path);

}  // namespace holdfast::upstream
