#include "archives/zip_writer.h"

#include <deque>
#include <utility>

#include <zip.h>

#include "base/secret.h"

namespace holdfast::archives {

struct ZipWriter::State {
  ~State() {
    if (zip != nullptr) zip_discard(zip);
    if (source != nullptr) zip_source_free(source);
    for (std::string& text : contents) Secret::Wipe(text);
  }
  zip_source_t* source = nullptr;
  zip_t* zip = nullptr;
  std::deque<std::string> contents;  // libzip reads them when it finishes.
  std::size_t bytes = 0;
};

ZipWriter::ZipWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZipWriter::~ZipWriter() = default;

Result<std::unique_ptr<ZipWriter>> ZipWriter::Make() {
  auto state = std::make_unique<State>();
  zip_error_t error;
  zip_error_init(&error);
  state->source = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (state->source == nullptr) return Fail(ErrorCode::kResourceExhausted, "no memory for a ZIP");
  // Kept by the archive too, to be read once it is closed.
  zip_source_keep(state->source);
  state->zip = zip_open_from_source(state->source, ZIP_TRUNCATE, &error);
  if (state->zip == nullptr) {
    zip_source_free(state->source);
    return Fail(ErrorCode::kInternal, "libzip: {}", zip_error_strerror(&error));
  }
  return std::unique_ptr<ZipWriter>(new ZipWriter(std::move(state)));
}

Result<void> ZipWriter::Add(const std::string& name, std::string content) {
  state_->bytes += content.size();
  if (state_->bytes > kBytesMax) {
    return Fail(ErrorCode::kTooLarge, "an archive holds at most {} MiB", kBytesMax >> 20);
  }
  const std::string& kept = state_->contents.emplace_back(std::move(content));
  zip_source_t* const source = zip_source_buffer(state_->zip, kept.data(), kept.size(), 0);
  if (source == nullptr) return Fail(ErrorCode::kResourceExhausted, "no memory for a ZIP");
  if (zip_file_add(state_->zip, name.c_str(), source, ZIP_FL_ENC_UTF_8) < 0) {
    zip_source_free(source);
    return Fail(ErrorCode::kInternal, "libzip: {}", zip_strerror(state_->zip));
  }
  return {};
}

Result<std::string> ZipWriter::Finish() {
  if (zip_close(state_->zip) != 0) {
    return Fail(ErrorCode::kInternal, "libzip: {}", zip_strerror(state_->zip));
  }
  state_->zip = nullptr;
  zip_stat_t status;
  if (zip_source_stat(state_->source, &status) != 0 || zip_source_open(state_->source) != 0) {
    return Fail(ErrorCode::kInternal, "libzip cannot read what it wrote");
  }
  std::string bytes(status.size, '\0');
  const zip_int64_t count = zip_source_read(state_->source, bytes.data(), bytes.size());
  zip_source_close(state_->source);
  if (count != static_cast<zip_int64_t>(bytes.size())) {
    return Fail(ErrorCode::kInternal, "libzip cannot read what it wrote");
  }
  return bytes;
}

}  // namespace holdfast::archives
