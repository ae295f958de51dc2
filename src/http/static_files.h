// StaticFiles: a small set of files held in memory and served with validators, caching headers and,
// where there is one, a gzip form. Immutable after it is made, so thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"

namespace holdfast::http {

struct StaticFile {
  std::string path;  // "/assets/app-1a2b3c.js"
  std::string_view bytes;
  std::string_view gzip_bytes;  // Empty: none.
};

class StaticFiles {
 public:
  // The bytes must outlive this. A file under "/assets/" has a hash of its content in its name and
  // never changes.
  explicit StaticFiles(std::vector<StaticFile> files);

  std::vector<std::string> paths() const;
  // `path` must be one of paths().
  net::Awaitable<void> Send(Exchange& exchange, std::string_view path) const;

 private:
  struct Entry {
    StaticFile file;
    std::string etag;
    std::string_view content_type;
    bool is_immutable;
  };
  std::vector<Entry> entries_;
};

}  // namespace holdfast::http
