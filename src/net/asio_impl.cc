// Asio's and its TLS layer's one compilation.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/impl/src.hpp>

#include "net/asio.h"

namespace holdfast::net {

Error SystemError(std::string_view what, const boost::system::error_code& code) {
  ErrorCode ours = ErrorCode::kIo;
  if (code == asio::error::operation_aborted) ours = ErrorCode::kCancelled;
  if (code == asio::error::timed_out) ours = ErrorCode::kDeadlineExceeded;
  if (code == asio::error::connection_refused || code == asio::error::connection_reset ||
      code == asio::error::eof || code == asio::error::broken_pipe ||
      code == asio::error::not_connected || code == asio::error::host_unreachable ||
      code == asio::error::network_unreachable ||
      code == boost::system::errc::no_such_file_or_directory) {
    ours = ErrorCode::kUnavailable;
  }
  if (code == asio::error::no_descriptors || code == asio::error::no_buffer_space ||
      code == asio::error::no_memory ||
      code == boost::system::errc::too_many_files_open_in_system) {
    ours = ErrorCode::kResourceExhausted;
  }
  if (code == asio::error::access_denied) ours = ErrorCode::kPermissionDenied;
  if (code == asio::error::address_in_use) ours = ErrorCode::kAlreadyExists;
  return MakeError(ours, "{}: {}", what, code.message());
}

}  // namespace holdfast::net
