// The web page's files: those in the binary, or those of a folder while one works on them.
// Free functions; the embedded bytes live as long as the process.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/static_files.h"

namespace holdfast::server {

struct EmbeddedFile {
  std::string_view path;
  std::string_view bytes;
  std::string_view gzip_bytes;
};

// Made by cmake/web_assets.cmake from web/dist, or from the plain page beside this file when the
// web page has not been built.
std::span<const EmbeddedFile> EmbeddedFiles();

// Owns the bytes of a folder's files, none for the embedded ones.
struct WebFiles {
  std::vector<std::unique_ptr<std::string>> contents;
  std::vector<http::StaticFile> files;
};

// `web_dir` empty: the embedded files. Errors: kNotFound (no index.html), kTooLarge, kIo.
[[nodiscard]] Result<WebFiles> LoadWebFiles(const std::string& web_dir);

}  // namespace holdfast::server
